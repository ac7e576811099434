"""The registration of applications: AUTH_CLIENTS, checked as a whole."""

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from auth.clients.clients import (
    CLIENT_ID,
    CODE,
    CREDENTIALS,
    DEVICE,
    LOOPBACK,
    REFRESH,
    Client,
    Clients,
    ClientsError,
)
from auth.crypto import secret_tokens
from auth.tokens.first_party import FIRST_PARTY
from auth.tokens.scopes import OFFLINE, TOKEN, WITHOUT_CLAIMS

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

LOG = logging.getLogger("auth")
_HTTP = ("https://", "http://")
_SHORTEST_SECRET = 32
_SHA256 = r"^[A-Za-z0-9_-]{43}$"
_ACCOUNT_ID = re.compile(r"[0-9a-f]{32}")
# a session stores 255 characters; the scope that comes with refresh tokens has to fit as well
_MOST_SCOPE = 240

_Grant = Literal[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
]
_Scope = Annotated[str, StringConstraints(pattern=TOKEN)]
_Sha256 = Annotated[str, StringConstraints(pattern=_SHA256)]


class _Entry(BaseModel):
    """A client, as the configuration holds it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    client_id: Annotated[str, StringConstraints(pattern=CLIENT_ID)]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    first_party: bool = False
    public: bool = False
    pkce: bool = True
    id_token_signed_response_alg: Literal["RS256"] | None = None
    secret_sha256: _Sha256 | list[_Sha256] = Field(default=[])
    secret_file: str = ""
    jwks: Annotated[dict[str, Any], Field(min_length=1)] | None = None
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    backchannel_logout_uri: str = ""
    redirect_uris: list[str] = []
    post_logout_redirect_uris: list[str] = []
    scopes: list[_Scope] = ["openid", "profile", "email"]
    grant_types: list[_Grant] = ["authorization_code", "refresh_token"]

    @field_validator("client_id")
    @classmethod
    def _no_account(cls, value: str) -> str:
        # RFC 9068 §5: a client's own token has its id where others have an account's
        if value == FIRST_PARTY or _ACCOUNT_ID.fullmatch(value):
            raise ValueError("is reserved")
        return value

    @field_validator("redirect_uris", "post_logout_redirect_uris")
    @classmethod
    def _usable(cls, value: list[str]) -> list[str]:
        for uri in value:
            if problem := _unusable(uri):
                raise ValueError(problem)
        return value

    @field_validator("backchannel_logout_uri")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return reachable(value)

    @field_validator("scopes")
    @classmethod
    def _short(cls, value: list[str]) -> list[str]:
        if len(" ".join(value)) > _MOST_SCOPE:
            raise ValueError(f"must not be longer than {_MOST_SCOPE} characters together")
        return value

    @field_validator("jwks")
    @classmethod
    def _readable(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            _keys(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        has_secret = bool(self.secret_sha256 or self.secret_file)
        if has_secret and self.jwks:
            raise ValueError("jwks: a client with keys has no secret")
        if self.public == (has_secret or bool(self.jwks)):
            raise ValueError(
                "needs either `public`: true, or a secret (`secret_sha256` or `secret_file`), or "
                "public keys (`jwks`)"
            )
        # RFC 9700 §2.1.1: a public client MUST use PKCE; a confidential client may rely on `nonce`
        if self.public and not self.pkce:
            raise ValueError("pkce: a public client needs PKCE")
        if self.public and CREDENTIALS in self.grant_types:
            raise ValueError("grant_types: a public client has no credentials of its own")
        if CODE in self.grant_types and not self.redirect_uris:
            raise ValueError("redirect_uris: the grant type authorization_code needs a URI")
        if REFRESH in self.grant_types and not {CODE, DEVICE}.intersection(self.grant_types):
            raise ValueError(
                "grant_types: refresh_token comes after authorization_code or the device's code"
            )
        return self

    def client(self, *, files: bool) -> Client:
        hashes = self.secret_sha256
        secrets = [hashes] if isinstance(hashes, str) else list(hashes)
        if self.secret_file and files:
            secrets.append(_from_file(self.secret_file))
        # they are ignored in requests, as scopes are that the service does not understand
        scopes = dict.fromkeys(word for word in self.scopes if word not in WITHOUT_CLAIMS)
        if REFRESH in self.grant_types:
            scopes.setdefault(OFFLINE)
        return Client(
            id=self.client_id,
            name=self.name,
            first_party=self.first_party,
            secrets=tuple(secrets),
            redirect_uris=tuple(self.redirect_uris),
            post_logout_redirect_uris=tuple(self.post_logout_redirect_uris),
            scopes=tuple(scopes),
            grants=tuple(self.grant_types),
            pkce=self.pkce,
            algorithm=self.id_token_signed_response_alg or "",
            keys=_keys(self.jwks) if self.jwks else None,
            pushes=self.require_pushed_authorization_requests,
            bound=self.dpop_bound_access_tokens,
            logout_uri=self.backchannel_logout_uri,
        )


def _keys(jwks: dict[str, Any]) -> "KeySet":
    from auth.clients import client_keys  # noqa: PLC0415 - slow, and most clients have no keys

    return client_keys.read(jwks)


_ENTRIES = TypeAdapter(list[_Entry])


def read(text: str, *, files: bool = True) -> Clients:
    """Read a JSON array of clients; raise ClientsError, naming the key that is wrong.

    Without `files`, no secret is read: they are where the service runs.
    """
    try:
        entries = _ENTRIES.validate_json(text) if text.strip() else []
    except ValidationError as error:
        raise ClientsError(described(error)) from None
    clients: dict[str, Client] = {}
    for number, entry in enumerate(entries):
        if entry.client_id in clients:
            raise ClientsError(f"[{number}].client_id occurs twice")
        try:
            clients[entry.client_id] = entry.client(files=files)
        except ClientsError as error:
            raise ClientsError(f"[{number}].{error}") from None
    return Clients(clients.values())


def stored(texts: Iterable[str]) -> list[Client]:
    """Read the clients that registered themselves.

    A registration of a newer release that this one does not understand is left out.
    """
    clients: list[Client] = []
    for text in texts:
        try:
            clients.extend(read(f"[{text}]", files=False).every())
        except ClientsError:
            LOG.warning("a registered client is not understood")
    return clients


def described(error: ValidationError) -> str:
    """Describe the first problem with its place in a JSON text, such as `[0].redirect_uris[1]`."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "is not JSON"
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return f"{path}: {str(first['msg']).removeprefix('Value error, ')}".lstrip(": ")


def _from_file(name: str) -> str:
    try:
        secret = Path(name).read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise ClientsError("secret_file can't be read") from None
    if len(secret) < _SHORTEST_SECRET:
        raise ClientsError(
            f"secret_file has fewer than {_SHORTEST_SECRET} characters. Make a secret with: "
            "openssl rand -hex 32"
        )
    return secret_tokens.hashed(secret)


def reachable(uri: str) -> str:
    """Return a URI to which the service may send; raise ValueError with the reason for another."""
    if problem := _unusable(uri) or ("" if uri.startswith(_HTTP) else "must be https"):
        raise ValueError(problem)
    return uri


def _unusable(uri: str) -> str:
    """Return the reason why no code may be sent to the URI, "" for a URI that may be used."""
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - reads it, and raises if it is no number
    except ValueError:
        return "holds an invalid URI"
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        return "holds an invalid URI"
    if parts.fragment or "#" in uri or "*" in uri or parts.username or parts.password:
        return "must have no fragment, no user and no wildcard"
    if parts.scheme == "https":
        return "" if parts.hostname else "needs a host"
    if parts.scheme == "http":
        return "" if parts.hostname in LOOPBACK else "must be https, or http on loopback"
    # RFC 8252 §7.1: a scheme that an app made of its domain; `javascript:` and `data:` have no dot
    return "" if "." in parts.scheme else "must be https, or a scheme like com.example.app"
