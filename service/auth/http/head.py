"""HEAD wherever GET is: the same answer without its content (RFC 9110 §9.3.2)."""

from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEY = "auth.head"


def refuse(request: Request) -> None:
    """Refuse HEAD (405) of an address that works once, and that a browser alone may use up."""
    if _KEY in request.scope:
        raise HTTPException(405, headers={"Allow": "GET"})


class HeadRequests:
    """Lets the routes see a GET in place of a HEAD; the HTTP server omits the content."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            # the HTTP server and the log look at the method of this very scope
            scope["method"] = "HEAD"
            await send(message)

        scope["method"], scope[_KEY] = "GET", True
        await self._app(scope, receive, answer)
