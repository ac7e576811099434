"""HTTPS alone, behind a load balancer that takes plain HTTP as well and ends TLS itself."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.errors import Code
from auth.http import acme, problem_documents
from auth.protection import addresses
from auth.protection.addresses import Network

_REDIRECTED = frozenset({"GET", "HEAD"})
# a proxy of an application asks here about its own request, and names the scheme of that
_ABOUT_OTHERS = "/v1/auth/verify"


class HttpsOnly:
    """Leads requests that came to a trusted proxy by plain HTTP to the issuer, an https URL.

    It refuses those that may carry more than an address: whoever sent a password in the clear
    should learn of it. A request without X-Forwarded-Proto, as a probe of the process itself, is
    let through, and a challenge of a CA too, which comes by HTTP (RFC 8555 §8.3).
    """

    def __init__(self, app: ASGIApp, *, issuer: str, trusted: Sequence[Network]) -> None:
        self._app, self._issuer, self._trusted = app, issuer, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._came_in_clear(scope):
            await self._answer(scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _came_in_clear(self, scope: Scope) -> bool:
        # the last is of the proxy that called
        schemes = ",".join(Headers(scope=scope).getlist("x-forwarded-proto")).rpartition(",")[2]
        if schemes.strip().lower() != "http":
            return False
        path = scope["path"]
        if path.startswith(acme.PATH) or path == _ABOUT_OTHERS:
            return False
        peer = addresses.parse(scope["client"][0]) if scope.get("client") else None
        return addresses.within(peer, self._trusted)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in _REDIRECTED:
            return problem_documents.of(Code.HTTPS_REQUIRED)
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        path = scope.get("raw_path", b"").decode("latin-1")
        return RedirectResponse(f"{self._issuer}{path}{query}", 308)
