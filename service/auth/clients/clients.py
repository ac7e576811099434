"""The applications that may ask for tokens, registered by configuration."""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from auth.crypto import secret_tokens
from auth.tokens.scopes import OF_USERS

if TYPE_CHECKING:
    from joserfc.jwk import KeySet  # slow, and most clients have no keys

CODE, REFRESH, CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS = (CODE, REFRESH, CREDENTIALS, DEVICE)
CLIENT_ID = r"^[A-Za-z0-9._~-]{1,64}$"
# the only hosts that plain http leads to without a network in between (RFC 8252 §7.3)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """`secrets` are SHA-256 hashes; a public client has neither secret nor key, and needs PKCE."""

    id: str
    name: str
    first_party: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    grants: tuple[str, ...] = (CODE, REFRESH)
    pkce: bool = True
    # of its ID tokens: RS256, or "" for that of the service's signing key
    algorithm: str = ""
    # public keys: of its assertions in place of a secret, and of its signed requests
    keys: "KeySet | None" = None
    # whether its authorization requests come from itself, and not by the browser (RFC 9126 §6)
    pushes: bool = False
    # whether its tokens are bound to a key that it proves (RFC 9449 §5.2)
    bound: bool = False
    # gets a logout token when a session ends (OIDC Back-Channel Logout 1.0); "" for none
    logout_uri: str = ""

    @property
    def public(self) -> bool:
        return not self.secrets and self.keys is None

    def knows(self, secret: str) -> bool:
        """Return whether the secret is the client's."""
        secret_hash = secret_tokens.hashed(secret)
        return any(hmac.compare_digest(secret_hash, known_hash) for known_hash in self.secrets)

    def redirects_to(self, uri: str) -> bool:
        """Return whether the URI is registered, character by character (RFC 9700 §2.1).

        Only a program on the user's own machine may take any port, since its system assigns a port
        when it starts (RFC 8252 §7.3).
        """
        if uri in self.redirect_uris:
            return True
        portless = _without_port(uri) if self.public else None
        return portless is not None and any(
            portless == _without_port(known) for known in self.redirect_uris
        )


class Clients:
    """The clients of the configuration, and those that registered themselves, by their ids."""

    def __init__(self, clients: Iterable[Client] = ()) -> None:
        self._by_id = {client.id: client for client in clients}
        self._registered: dict[str, Client] = {}
        registered = (word for client in self._by_id.values() for word in client.scopes)
        # the scopes that have a meaning here, for any client
        self.known_scopes = OF_USERS.union(registered)

    def find(self, client_id: str) -> Client | None:
        return self._by_id.get(client_id) or self._registered.get(client_id)

    def every(self) -> Sequence[Client]:
        return (*self._by_id.values(), *self._registered.values())

    def take(self, registered: Iterable[Client]) -> None:
        """Replace the clients that registered themselves; a configured client goes first."""
        self._registered = {client.id: client for client in registered}


class ClientsError(ValueError):
    """The registration can't be used; the text names the key and never shows a value."""


def _without_port(uri: str) -> tuple[str, str, str, str] | None:
    """Return a loopback URI's parts but the port, None for any other URI."""
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - raises if it is no number
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme != "http" or host not in LOOPBACK or parts.username or "#" in uri:
        return None
    # urlsplit drops control characters and leading spaces, as if they had not been there
    if not uri.isprintable() or " " in uri:
        return None
    # before the path there are only host and port, in their usual form
    if parts.netloc.rpartition(":")[0] not in {host, f"[{host}]"} and parts.netloc not in {
        host,
        f"[{host}]",
    }:
        return None
    return host, parts.path, parts.query, parts.scheme
