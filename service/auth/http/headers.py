"""The headers of each answer: against misuse in browsers, and the rest of a rate limit."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.protection.limits import RATE_LIMIT_HEADERS

Headers = list[tuple[bytes, bytes]]

# an answer for programs: should a browser ever show one, it runs and loads nothing
API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # by default an answer is about an account or a token, and is cached nowhere
    "Cache-Control": "no-store",
}
_HSTS = {"Strict-Transport-Security": "max-age=31536000"}


class AnswerHeaders:
    """Adds the headers that a route did not set itself (OWASP Secure Headers).

    The pages bring a policy of their own. HSTS is sent if the issuer is https, and for this host
    alone: other hosts of the domain are not ours.

    A request that meets a limit gets RateLimit and RateLimit-Policy
    (draft-ietf-httpapi-ratelimit-headers-10).
    """

    def __init__(self, app: ASGIApp, *, issuer: str) -> None:
        self._app = app
        always = _ALWAYS | (_HSTS if issuer.startswith("https://") else {})
        self._always = _raw(always | {"Content-Security-Policy": API_POLICY})
        self._names = frozenset(name for name, _ in self._always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        of_limit: dict[str, str] = {}
        RATE_LIMIT_HEADERS.set(of_limit)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._completed(message["headers"], of_limit)
            await send(message)

        await self._app(scope, receive, answer)

    def _completed(self, headers: Headers, of_limit: dict[str, str]) -> Headers:
        set_already = {name for name, _ in headers}
        added = self._always
        if not self._names.isdisjoint(set_already):
            added = [pair for pair in added if pair[0] not in set_already]
        return [*headers, *added, *_raw(of_limit)]


def _raw(headers: dict[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
