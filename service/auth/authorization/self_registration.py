"""Applications that register themselves with an initial access token (RFC 7591)."""

import hmac
import json
import secrets
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from auth.authorization.errors import OAuthError
from auth.clients import registration
from auth.clients.clients import CODE, DEVICE, REFRESH, ClientsError
from auth.crypto import secret_tokens
from auth.service import Service
from auth.storage import registered_clients
from auth.telemetry.audit import Event
from auth.tokens import scopes
from auth.tokens.signing_keys import RS256

NONE, BASIC, POST, KEY = "none", "client_secret_basic", "client_secret_post", "private_key_jwt"
MOST = 1000
_ID_BYTES = 12
# the others are for applications that the operator knows
_SCOPES = (scopes.OPENID, scopes.PROFILE, scopes.EMAIL)
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="auth", error="invalid_token"'}


class Metadata(BaseModel):
    """The metadata of a client (RFC 7591 §2); members that are not understood are ignored."""

    model_config = ConfigDict(strict=True)

    redirect_uris: list[str] = []
    client_name: Annotated[str, Field(min_length=1, max_length=64)] = "Unnamed application"
    token_endpoint_auth_method: Literal[
        "none", "client_secret_basic", "client_secret_post", "private_key_jwt"
    ] = "client_secret_basic"  # noqa: S105 - the name of a method
    grant_types: list[str] = [CODE]
    response_types: list[Literal["code"]] = ["code"]
    scope: str = scopes.joined(_SCOPES)
    jwks: dict[str, Any] | None = None
    post_logout_redirect_uris: list[str] = []
    # OpenID Connect Dynamic Client Registration §2 has this default
    id_token_signed_response_alg: str = RS256
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False

    @field_validator("client_name")
    @classmethod
    def _legible(cls, value: str) -> str:
        # one that reverses the direction of writing would change how the page of consent reads
        if not value.isprintable():
            raise ValueError("must have no control characters")
        return value

    @property
    def has_secret(self) -> bool:
        return self.token_endpoint_auth_method in {BASIC, POST}

    @property
    def allowed_scopes(self) -> list[str]:
        """Return the asked scopes without those that the client can't have."""
        return [word for word in scopes.split(self.scope) if word in _SCOPES]

    def entry(self, client_id: str, secret: str) -> dict[str, Any]:
        """Return the registration as AUTH_CLIENTS would have it; `secret` is "" for none."""
        values = {
            "client_id": client_id,
            "name": self.client_name,
            "redirect_uris": self.redirect_uris,
            "post_logout_redirect_uris": self.post_logout_redirect_uris,
            "grant_types": self.grant_types,
            "scopes": self.allowed_scopes,
            "public": self.token_endpoint_auth_method == NONE,
            "secret_sha256": secret_tokens.hashed(secret) if secret else [],
            "jwks": self.jwks,
            "id_token_signed_response_alg": (
                RS256 if self.id_token_signed_response_alg == RS256 else None
            ),
            "require_pushed_authorization_requests": self.require_pushed_authorization_requests,
            "dpop_bound_access_tokens": self.dpop_bound_access_tokens,
        }
        return {name: value for name, value in values.items() if value is not None}


async def register(service: Service, access_token: str, text: bytes) -> dict[str, Any]:
    """Register a client; return its metadata as stored, with its id and secret.

    Its users are always asked for consent, and it gets scopes about its user alone. Raise
    OAuthError with the codes of RFC 7591 §3.2.2.
    """
    expected = service.settings.registration_token
    if not expected or not hmac.compare_digest(expected.encode(), access_token.encode()):
        raise OAuthError("invalid_token", "The initial access token is wrong.", 401, _CHALLENGE)
    metadata = _metadata(text)
    if metadata.id_token_signed_response_alg not in {
        RS256,
        service.tokens.keys.current().algorithm,
    }:
        raise _refused("id_token_signed_response_alg: is none of ours.")
    # hexadecimal: a command would read an id with a dash in front as an option
    client_id = secrets.token_hex(_ID_BYTES)
    secret = secret_tokens.make() if metadata.has_secret else ""
    entry = json.dumps(metadata.entry(client_id, secret))
    try:
        registration.read(f"[{entry}]", files=False)
    except ClientsError as error:
        raise _refused(str(error).removeprefix("[0]").lstrip(".: ")) from None
    now = time.time()
    if not await service.database.write(
        registered_clients.add, client_id, entry, now=now, most=MOST
    ):
        raise _refused("There are too many clients.")
    await service.load_clients()
    await service.audit.record(Event.CLIENT_REGISTERED, client_id=client_id)
    answer = {
        "client_id": client_id,
        "client_id_issued_at": int(now),
        **metadata.model_dump(exclude_none=True),
        "scope": scopes.joined(metadata.allowed_scopes),
    }
    return answer | ({"client_secret": secret, "client_secret_expires_at": 0} if secret else {})


def _metadata(text: bytes) -> Metadata:
    """Read the metadata of a request; raise OAuthError."""
    try:
        metadata = Metadata.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise _refused(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
    if not set(metadata.grant_types) <= {CODE, REFRESH, DEVICE}:
        raise _refused("grant_types: some can't be registered here.")
    if (metadata.token_endpoint_auth_method == KEY) != (metadata.jwks is not None):
        raise _refused("jwks: goes with private_key_jwt, and private_key_jwt with jwks.")
    return metadata


def _refused(reason: str) -> OAuthError:
    uris = reason.startswith("redirect_uris")
    return OAuthError("invalid_redirect_uri" if uris else "invalid_client_metadata", reason)
