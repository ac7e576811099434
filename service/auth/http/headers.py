"""The headers that each answer carries against misuse in browsers (OWASP Secure Headers)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class SecureHeaders:
    """Adds the headers that a route did not set itself; the pages bring a policy of their own.

    HSTS is sent if the issuer is https, and for this host alone: other hosts of the domain are not
    ours.
    """

    def __init__(self, app: ASGIApp, *, issuer: str) -> None:
        self._app = app
        always = _ALWAYS | (_HSTS if issuer.startswith("https://") else {})
        self._always = _raw(always | {"Content-Security-Policy": API_POLICY})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                set_already = dict(message["headers"])
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in self._always if pair[0] not in set_already),
                ]
            await send(message)

        await self._app(scope, receive, answer)


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
