"""Access: dependencies that give a route the service and its caller."""

from typing import Annotated, Any

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


def service_of(request: Request) -> Service:
    """Return the service; for the busiest routes, since FastAPI takes long for a dependency."""
    service: Service = request.app.state.service
    return service


async def the_service(request: Request) -> Service:
    return service_of(request)


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
        scheme, token = await self._credentials(request)
        user = await _of_token(request, scheme, token) if token else None
        if user is None and self._required:
            # RFC 6750 §3.1: a request without a token gets no error code
            raise _refusal(scheme) if token else unauthenticated()
        if user is not None and not self._any_client and not user.manages_account:
            raise insufficient_scope(scopes.ACCOUNT)
        return user

    async def _credentials(self, request: Request) -> tuple[str, str]:
        """Return the scheme that a request names, in lower case, and its token, "" without one."""
        name, _, token = request.headers.get("authorization", "").partition(" ")
        scheme = name.lower()
        return scheme, token.strip() if scheme in _SCHEMES else ""


class BearerOrForm(Bearer):
    """Takes the token in a form's `access_token` as well (RFC 6750 §2.2)."""

    async def _credentials(self, request: Request) -> tuple[str, str]:
        scheme, token = await super()._credentials(request)
        if not forms.is_form(request):
            return scheme, token
        in_form = (await forms.form(request)).get("access_token", "")
        if token and in_form:
            # §2: a client must not use more than one method in a request
            raise OAuthError("invalid_request", "The access token comes in two ways at once.")
        return scheme, token or in_form


async def _of_token(request: Request, scheme: str, token: str) -> SignedIn | None:
    """Return the user of an access token; of a token with a key only if the request proves it.

    A token without a key takes the scheme `Bearer`, and a token with a key `DPoP` (RFC 9449 §7.2).
    """
    service = service_of(request)
    user = await identify(service, token)
    if user is None or bool(user.claims.dpop_key) != (scheme == _DPOP):
        return None
    if not user.claims.dpop_key:
        return user
    try:
        dpop_key = await dpop.key_of(service, request, token)
    except OAuthError:
        return None
    return user if dpop_key == user.claims.dpop_key else None


def unauthenticated() -> ProblemError:
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": 'Bearer realm="auth"'})


def invalid_token() -> ProblemError:
    """Refuse a token that came and is worthless, as RFC 6750 §3.1 describes."""
    challenge = 'Bearer realm="auth", error="invalid_token"'
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": challenge})


def _refusal(scheme: str) -> ProblemError:
    """Refuse a token that came, in the words of its scheme (RFC 9449 §7.1)."""
    if scheme != _DPOP:
        return invalid_token()
    algorithms = " ".join(client_keys.ALGORITHMS)
    challenge = f'{dpop.SCHEME} realm="auth", error="invalid_token", algs="{algorithms}"'
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": challenge})


def insufficient_scope(scope: str) -> ProblemError:
    """Refuse a token as RFC 6750 §3.1 describes; `scope` is ours, or was validated."""
    challenge = f'Bearer realm="auth", error="insufficient_scope", scope="{scope}"'
    return ProblemError(Code.INSUFFICIENT_SCOPE, {"WWW-Authenticate": challenge})


_BEARER = Bearer(required=True)
User = Annotated[SignedIn, Security(_BEARER)]
# the description of a route that calls `user_of`
NEEDS_USER: dict[str, Any] = {"security": [{_BEARER.scheme_name: []}]}
AnyUser = Annotated[SignedIn, Security(Bearer(required=True, any_client=True))]
AnyUserByForm = Annotated[SignedIn, Security(BearerOrForm(required=True, any_client=True))]
PerhapsUser = Annotated[SignedIn | None, Security(Bearer(required=False))]


async def user_of(request: Request) -> SignedIn:
    """Return what the dependency `User` does; for the busiest route, as `service_of`."""
    user = await _BEARER(request)
    assert user is not None  # noqa: S101 - it is required
    return user


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
