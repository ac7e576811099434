"""Forms that only our own pages can send (OWASP: double submit, and Fetch Metadata).

A form comes with the token that the browser has in a cookie too. No other site can read or set
that one, and what says of itself that it comes from another site is refused before.
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
    """Give the browser's token, and whether it is a new one."""
    kept = request.cookies.get(_name(request), "")
    return (kept, False) if _TOKEN.fullmatch(kept) else (secret_tokens.make(), True)


def keep(request: Request, answer: Response, token: str) -> None:
    service = cookies.service_of(request)
    cookies.put(service, answer, _name(request), token, seconds=_SECONDS)


def renew(request: Request, answer: Response) -> None:
    """Give another token to who has signed in: what was known before is worth nothing now."""
    keep(request, answer, secret_tokens.make())


def genuine(request: Request, given: dict[str, str]) -> bool:
    """Return whether a form comes from a page of ours."""
    # browsers that are too old to say so are left with the token
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    kept = request.cookies.get(_name(request), "")
    sent = given.get(FIELD, "")
    return bool(_TOKEN.fullmatch(kept)) and hmac.compare_digest(kept.encode(), sent.encode())


def _name(request: Request) -> str:
    return cookies.name(cookies.service_of(request), "form")
