"""The HTTP API."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from sqlalchemy.exc import SQLAlchemyError

from auth import logs, problems
from auth.accounts import Account, Accounts, EmailTakenError
from auth.passwords import BusyError, Passwords
from auth.problems import Code, ProblemError
from auth.settings import Settings
from auth.tokens import TokenError, Tokens

# one @, something before it, a dotted name behind it: the rest is for the mail server to refuse
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[^\s@\x00-\x1f]+@[^\s@]+\.[^\s@]+$"
    ),
]


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    # NIST SP 800-63B: at least 8, and room for a passphrase
    password: SecretStr = Field(min_length=8, max_length=128)


class Me(BaseModel):
    id: str
    email: str
    created_at: str


class Token(BaseModel):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int


@dataclass
class Service:
    """What the routes work with."""

    settings: Settings
    accounts: Accounts
    passwords: Passwords
    tokens: Tokens
    stopping: bool = False


def create_app(settings: Settings) -> FastAPI:
    """Make the app; nothing is opened before it starts."""
    service = Service(
        settings=settings,
        accounts=Accounts(settings.database_url),
        passwords=Passwords(workers=settings.hashing_workers, queue=settings.hashing_queue),
        tokens=Tokens(
            settings.signing_key,
            issuer=settings.issuer,
            audience=settings.audience,
            seconds=settings.access_token_seconds,
        ),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.accounts.prepare()
        yield
        service.passwords.close()
        service.accounts.close()

    app = FastAPI(
        title="Authentication Service", version=settings.revision, lifespan=lifespan, redoc_url=None
    )
    app.state.service = service
    problems.install(app)
    app.add_middleware(logs.RequestLog)
    _add_operations(app, service)
    _add_accounts(app, service)

    @app.exception_handler(SQLAlchemyError)
    async def _no_data(_: Request, error: SQLAlchemyError) -> JSONResponse:
        logs.LOG.error("database", extra={"reason": type(error).__name__})
        return problems.of(Code.UNAVAILABLE, {"Retry-After": "1"})

    @app.exception_handler(BusyError)
    async def _busy(_: Request, __: BusyError) -> JSONResponse:
        return problems.of(Code.BUSY, {"Retry-After": "1"})

    return app


def _add_operations(app: FastAPI, service: Service) -> None:
    """Add what operators and proxies ask."""

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, str]:
        """Tell whether requests should come here: not without data, nor while stopping."""
        if service.stopping:
            response.status_code = 503
            return {"status": "stopping"}
        await run_in_threadpool(service.accounts.check)
        return {"status": "ok"}

    @app.get("/version")
    async def version() -> dict[str, str]:
        """Tell what was built, and when its sources were committed."""
        return {
            "revision": service.settings.revision,
            "revision_time": service.settings.revision_time,
        }

    @app.get("/.well-known/jwks.json")
    async def jwks(response: Response) -> dict[str, Any]:
        """Give the keys that verify access tokens."""
        response.headers["Cache-Control"] = "public, max-age=300"
        return service.tokens.jwks()


def _add_accounts(app: FastAPI, service: Service) -> None:
    """Add what users do."""
    me = _signed_in(service)

    @app.post("/v1/auth/register", status_code=201)
    async def register(credentials: Credentials) -> Me:
        """Make an account."""
        hashed = await service.passwords.hash(credentials.password.get_secret_value())
        try:
            account = await run_in_threadpool(service.accounts.add, credentials.email, hashed)
        except EmailTakenError:
            raise ProblemError(Code.EMAIL_TAKEN) from None
        logs.LOG.info("registered", extra={"account": account.id})
        return _public(account)

    @app.post("/v1/auth/login")
    async def login(credentials: Credentials, response: Response) -> Token:
        """Trade an e-mail address and a password for an access token."""
        password = credentials.password.get_secret_value()
        account = await run_in_threadpool(service.accounts.by_email, credentials.email)
        right = await service.passwords.verify(account.password if account else None, password)
        if account is None or not right:
            logs.LOG.info("login refused", extra={"account": account.id if account else None})
            raise ProblemError(Code.INVALID_CREDENTIALS)
        if service.passwords.outdated(account.password):
            renewed = await service.passwords.hash(password)
            await run_in_threadpool(service.accounts.set_password, account.id, renewed)
        response.headers["Cache-Control"] = "no-store"
        return Token(
            access_token=service.tokens.issue(account.id), expires_in=service.tokens.seconds
        )

    @app.get("/v1/me")
    async def read_me(account: Annotated[Account, Depends(me)]) -> Me:
        """Tell whose token this is."""
        return _public(account)


def _signed_in(service: Service) -> Callable[..., Any]:
    """Make the dependency that gives the account of a request's bearer token (RFC 6750)."""

    async def account(authorization: Annotated[str, Header()] = "") -> Account:
        scheme, _, token = authorization.partition(" ")
        found = None
        if scheme.lower() == "bearer":
            try:
                subject = service.tokens.verify(token.strip())
            except TokenError:
                subject = ""
            found = await run_in_threadpool(service.accounts.by_id, subject) if subject else None
        if found is None:
            raise ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": 'Bearer realm="auth"'})
        return found

    return account


def _public(account: Account) -> Me:
    return Me(id=account.id, email=account.email, created_at=account.created_at)
