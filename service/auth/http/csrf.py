"""Forms that only our own pages can send (OWASP: double submit, and Fetch Metadata).

A form comes with the CSRF token that the browser also has in a cookie, which no other site can read
or set. A request that declares another site as its origin is refused before that.
"""

import hmac
import re

from fastapi import Request, Response

from auth.crypto import secret_tokens
from auth.http import cookies

FIELD = "csrf_token"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = 86_400


def token_of(request: Request) -> tuple[str, bool]:
    """Return the browser's CSRF token, and whether it is new."""
    cookie = request.cookies.get(_name(request), "")
    return (cookie, False) if _TOKEN.fullmatch(cookie) else (secret_tokens.make(), True)


def keep(request: Request, answer: Response, token: str) -> None:
    service = cookies.service_of(request)
    cookies.put(service, answer, _name(request), token, seconds=_SECONDS)


def renew(request: Request, answer: Response) -> None:
    """Set another CSRF token after a sign-in: the earlier token is worthless now."""
    keep(request, answer, secret_tokens.make())


def genuine(request: Request, fields: dict[str, str]) -> bool:
    """Return whether a form comes from a page of ours."""
    # browsers too old to send that header are left with the CSRF token
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    cookie = request.cookies.get(_name(request), "")
    sent = fields.get(FIELD, "")
    return bool(_TOKEN.fullmatch(cookie)) and hmac.compare_digest(cookie.encode(), sent.encode())


def _name(request: Request) -> str:
    return cookies.name(cookies.service_of(request), "form")
