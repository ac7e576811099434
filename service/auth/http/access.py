"""Access: dependencies that give a route the service and its caller."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from auth.authorization.errors import OAuthError
from auth.clients import client_keys
from auth.errors import Code, ProblemError
from auth.http import dpop, forms
from auth.service import Service
from auth.sign_in import second_factor
from auth.sign_in.identity import SignedIn, identify, is_ours
from auth.storage import factors
from auth.storage.accounts import ADMIN
from auth.tokens import scopes

_DPOP = dpop.SCHEME.lower()
_SCHEMES = frozenset({"bearer", _DPOP})


async def the_service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Running = Annotated[Service, Depends(the_service)]


class Bearer(HTTPBearer):
    """Returns the user of the access token that a request came with (RFC 6750).

    An application's token is refused unless it has the scope `account`, or `any_client` may come.
    It is a single dependency, since each that FastAPI resolves costs as much as the query.
    """

    def __init__(self, *, required: bool, any_client: bool = False) -> None:
        super().__init__(bearerFormat="JWT", description="An access token.", auto_error=False)
        self._required, self._any_client = required, any_client

    async def __call__(self, request: Request) -> SignedIn | None:  # type: ignore[override]
        token = await self._token(request)
        user, came = None, bool(token)
        if came:
            user = await _of_token(request, token)
        if user is None and self._required:
            # RFC 6750 §3.1: a request without a token gets no error code
            raise _refusal(request) if came else unauthenticated()
        if user is not None and not self._any_client and not user.manages_account:
            raise insufficient_scope(scopes.ACCOUNT)
        return user

    async def _token(self, request: Request) -> str:
        """Return the token that a request came with, "" without a token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() in _SCHEMES else ""


class BearerOrForm(Bearer):
    """Takes the token in a form's `access_token` as well (RFC 6750 §2.2)."""

    async def _token(self, request: Request) -> str:
        token = await super()._token(request)
        if not forms.is_form(request):
            return token
        in_form = (await forms.form(request)).get("access_token", "")
        if token and in_form:
            # §2: a client must not use more than one method in a request
            raise OAuthError("invalid_request", "The access token comes in two ways at once.")
        return token or in_form


async def _of_token(request: Request, token: str) -> SignedIn | None:
    """Return the user of an access token; of a token with a key only if the request proves it.

    A token without a key takes the scheme `Bearer`, and a token with a key `DPoP` (RFC 9449 §7.2).
    """
    service: Service = request.app.state.service
    user = await identify(service, token)
    if user is None or bool(user.claims.dpop_key) != _shows_key(request):
        return None
    if not user.claims.dpop_key:
        return user
    try:
        dpop_key = await dpop.key_of(service, request, token)
    except OAuthError:
        return None
    return user if dpop_key == user.claims.dpop_key else None


def _shows_key(request: Request) -> bool:
    scheme = request.headers.get("authorization", "").partition(" ")[0]
    return scheme.lower() == _DPOP


def unauthenticated() -> ProblemError:
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": 'Bearer realm="auth"'})


def invalid_token() -> ProblemError:
    """Refuse a token that came and is worthless, as RFC 6750 §3.1 describes."""
    challenge = 'Bearer realm="auth", error="invalid_token"'
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": challenge})


def _refusal(request: Request) -> ProblemError:
    """Refuse a token that came, in the words of its scheme (RFC 9449 §7.1)."""
    if not _shows_key(request):
        return invalid_token()
    algorithms = " ".join(client_keys.ALGORITHMS)
    challenge = f'{dpop.SCHEME} realm="auth", error="invalid_token", algs="{algorithms}"'
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": challenge})


def insufficient_scope(scope: str) -> ProblemError:
    """Refuse a token as RFC 6750 §3.1 describes; `scope` is ours, or was validated."""
    challenge = f'Bearer realm="auth", error="insufficient_scope", scope="{scope}"'
    return ProblemError(Code.INSUFFICIENT_SCOPE, {"WWW-Authenticate": challenge})


User = Annotated[SignedIn, Security(Bearer(required=True))]
AnyUser = Annotated[SignedIn, Security(Bearer(required=True, any_client=True))]
AnyUserByForm = Annotated[SignedIn, Security(BearerOrForm(required=True, any_client=True))]
PerhapsUser = Annotated[SignedIn | None, Security(Bearer(required=False))]


async def signed_in_lately(service: Running, user: User) -> SignedIn:
    """Refuse an irreversible change without a login within the last minutes."""
    if user.session is None or not await second_factor.shown_lately(service, user.session):
        raise ProblemError(Code.REAUTHENTICATION_REQUIRED)
    return user


async def stepped_up(service: Service, user: SignedIn) -> None:
    """Refuse likewise, but only for accounts with a second factor: others show the password."""
    if await service.database.read(factors.of, user.account.id):
        await signed_in_lately(service, user)


RecentUser = Annotated[SignedIn, Depends(signed_in_lately)]


async def administrator(service: Running, user: User) -> SignedIn:
    # by the role in the database, not by the token; and an application of others never gets this
    # power over other users, whatever its user agreed to
    if user.account.role != ADMIN or not is_ours(service, user.claims):
        raise ProblemError(Code.FORBIDDEN)
    return user


Administrator = Annotated[SignedIn, Depends(administrator)]
