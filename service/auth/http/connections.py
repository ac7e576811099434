"""Connections: how long and how large the head of a request may be, before there is a request.

uvicorn bounds neither with httptools, so that a client could hold connections, or fill the memory,
by sending headers for ever. Bodies are bounded in `auth.http.bodies`.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10
HEAD_BYTES = 32 << 10
_TITLES = {
    400: ("malformed_request", "This is not an HTTP request."),
    408: ("timeout", "The request did not arrive in time."),
    431: ("head_too_large", f"The request's head is larger than {HEAD_BYTES >> 10} KiB."),
}


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also answers requests that never reach the application."""

    _head: int | None = 0  # bytes of an unfinished head; None without an unfinished head
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type]
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_over()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is None or self.transport.is_closing():
            return
        self._head += len(data)
        if self._head > HEAD_BYTES:
            self._refuse(431)
        elif self._deadline is None:
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._head or 0

    def on_headers_complete(self) -> None:
        self._head_is_over()
        super().on_headers_complete()
        if self.config.app.state.service.stopping:  # type: ignore[union-attr]
            # a proxy with an open connection would send here until the end, and lose a request
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # between requests the keep-alive time-out applies; ours begins with the next byte
        self._head = self._head or 0

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - a parser's word, not for clients
        self._refuse(400)

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, 408)

    def _head_is_over(self) -> None:
        self._head = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int) -> None:
        """Answer without a request, and close; but never into another answer that is under way."""
        self._head_is_over()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_answer(status))
        self.transport.close()


class Gathering:
    """A transport that gathers writes and sends them at once: an answer's head with its body.

    Each write is a system call, which takes as long as a tenth of a small answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._gathered: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._gathered:
            self._loop.call_soon(self._send)
        self._gathered.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        # the client may have gone since
        if self._gathered and not self._transport.is_closing():
            self._transport.write(b"".join(self._gathered))
        self._gathered.clear()


def _answer(status: int) -> bytes:
    code, title = _TITLES[status]
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
    }
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: application/problem+json\r\n"
        "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
