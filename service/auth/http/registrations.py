"""The browser that registered an account: the mailed link needs no password in it.

The cookie names no account: it is a tag that only this service can make. A registration of an
address that has an account gives a cookie as well, which is good for nothing.
"""

import hmac

from fastapi import Request, Response

from auth.http import cookies
from auth.service import Service

# as long as the mailed link works
_SECONDS = 86_400


def remember(service: Service, answer: Response, account_id: str) -> None:
    """Give the browser the cookie of an account that it has registered."""
    cookies.put(service, answer, _name(service), _tag(service, account_id), seconds=_SECONDS)


def is_here(service: Service, request: Request, account_id: str) -> bool:
    """Return whether the account was registered in this browser."""
    cookie = request.cookies.get(_name(service), "")
    return hmac.compare_digest(cookie.encode(), _tag(service, account_id).encode())


def _tag(service: Service, account_id: str) -> str:
    return service.sealer.tag(account_id, "registration")


def _name(service: Service) -> str:
    return cookies.name(service, "registration")
