"""The caller of the current request, as far as the network shows it."""

from collections.abc import Sequence
from functools import lru_cache, partial

from starlette.types import ASGIApp, Receive, Scope, Send

from auth.context import CALLER, Caller
from auth.protection import addresses
from auth.protection.addresses import Network

_LONGEST_AGENT = 255
_REMEMBERED = 1024


class Callers:
    """Sets the caller of each request (`auth.context`)."""

    def __init__(self, app: ASGIApp, *, trusted: Sequence[Network]) -> None:
        self._app = app
        # the same few clients send most requests, and reading addresses takes a while
        self._caller = lru_cache(_REMEMBERED)(partial(_caller, trusted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            CALLER.set(self._of(scope))
        await self._app(scope, receive, send)

    def _of(self, scope: Scope) -> Caller:
        forwarded, agent = [], b""
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded.append(value)
            elif name == b"user-agent":
                agent = value
        peer = scope["client"][0] if scope.get("client") else ""
        return self._caller(peer, agent[:_LONGEST_AGENT], *forwarded)


def _caller(trusted: Sequence[Network], peer: str, agent: bytes, *forwarded: bytes) -> Caller:
    names = [value.decode("latin-1") for value in forwarded]
    return Caller(
        address=addresses.client(peer, names, trusted),
        # a control character could forge lines on a terminal that prints it
        user_agent=_printable(agent.decode("latin-1")),
        proxied=bool(forwarded),
    )


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(filter(str.isprintable, text))
