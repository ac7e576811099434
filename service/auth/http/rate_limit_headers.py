"""The headers that show a client how much of a rate limit is left."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.protection.limits import RATE_LIMIT_HEADERS


class RateLimitHeaders:
    """Adds RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[str, str] = {}
        RATE_LIMIT_HEADERS.set(headers)

        async def answer(message: Message) -> None:
            if headers and message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, answer)
