"""Request bodies: how large they may be, and how long they and their answers may take."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.errors import Code
from auth.http import problem_documents as problems

MAX_BODY = 16 << 10


class BoundedRequests:
    """Reads each body whole before the application is called, within `body_seconds`.

    A slow phone may take its time; a client that drips bytes to hold a connection may not. The
    application has `seconds` to begin its answer. After that, as when the database hangs, the
    answer is 503, and a transaction that is under way is rolled back or finishes.
    """

    def __init__(self, app: ASGIApp, *, body_seconds: float, seconds: float) -> None:
        self._app = app
        self._body_seconds, self._seconds = body_seconds, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            await self._ask(scope, receive, send)  # RFC 9112 §6.3: there is no body
            return
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(receive, headers.get(b"content-length"))
        except ClientDisconnect:
            return  # half a request has no effect
        except TimeoutError:
            await problems.of(Code.TIMEOUT, {"Connection": "close"})(scope, receive, send)
            return
        if body is None:
            await problems.of(Code.TOO_LARGE, {"Connection": "close"})(scope, receive, send)
            return
        await self._ask(scope, _replay(body, receive), send)

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                limit.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as limit:
                await self._app(scope, receive, answer)
        except TimeoutError:
            if begun or not limit.expired():
                raise
            await problems.of(Code.UNAVAILABLE, {"Retry-After": "1"})(scope, receive, send)


async def _body(receive: Receive, length: bytes | None) -> bytes | None:
    """Read the whole body; None if it is larger than MAX_BODY. Raise ClientDisconnect."""
    if length and length.isdigit() and int(length) > MAX_BODY:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return the read body as one message, and after it the messages of the connection."""
    replayed = False

    async def again() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
