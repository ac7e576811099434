"""How the service signs users of other applications in, as its environment tells it."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from auth.clients.clients import Clients, ClientsError
from auth.environment import Reader

_DAY = 86_400
_LONGEST_CODE = 60
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+")


@dataclass(frozen=True, kw_only=True)
class OAuthSettings:
    """Times in seconds.

    `cookie_domain` is the domain whose hosts all know who is signed in, "" for our host alone.
    """

    clients: Clients = field(default_factory=Clients)
    code_seconds: int = _LONGEST_CODE
    browser_session_seconds: int = _DAY // 2
    cookie_domain: str = ""

    @classmethod
    def read(cls, reader: Reader, issuer: str) -> "OAuthSettings":
        """Read AUTH_* variables; the reader remembers what is wrong with them."""
        return cls(
            clients=_clients(reader, "AUTH_CLIENTS"),
            code_seconds=reader.integer("AUTH_CODE_SECONDS", 60, range(1, _LONGEST_CODE + 1)),
            browser_session_seconds=reader.integer(
                "AUTH_BROWSER_SESSION_SECONDS", _DAY // 2, range(60, 90 * _DAY + 1)
            ),
            cookie_domain=_domain(reader, "AUTH_COOKIE_DOMAIN", urlsplit(issuer).hostname or ""),
        )


def _clients(reader: Reader, name: str) -> Clients:
    text = reader.optional(name, "")
    if not text:
        return Clients()
    # pydantic takes longer to import than all other settings to read
    from auth.clients import registration  # noqa: PLC0415

    try:
        return registration.read(text, files=reader.files)
    except ClientsError as error:
        text = str(error)
        reader.refuse(f"{name}{text}" if text.startswith("[") else f"{name} {text}")
        return Clients()


def _domain(reader: Reader, name: str, host: str) -> str:
    value = reader.optional(name, "").lower()
    if value and not (_DOMAIN.fullmatch(value) and f".{host}".endswith(f".{value}")):
        reader.refuse(f"{name} must be a domain that AUTH_ISSUER's host belongs to.")
    return value
