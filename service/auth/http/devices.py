"""Device cookies: browsers that have signed in to an account before.

Guesses of strangers slow down the log-ins of strangers. A browser with the cookie of an account is
counted by itself, so nobody else's attempts refuse its user (OWASP, "Slow Down Online Guessing
Attacks with Device Cookies"). The cookie names no account: it has a random id, and for each account
a tag that only this service can make. It gives no access.
"""

import hmac
import re

from fastapi import Request, Response

from auth.crypto import secret_tokens
from auth.http import cookies
from auth.protection.counted import hashed_name
from auth.service import Service

_COOKIE = re.compile(r"([A-Za-z0-9_-]{43})((?:\.[A-Za-z0-9_-]{43}){1,4})")
_MOST_ACCOUNTS = 4
_SECONDS = 365 * 86_400


def known(service: Service, request: Request, email: str) -> str:
    """Return the id of a browser that has signed in to the account of this name, else ""."""
    device, tags = _read(service, request)
    if not tags:
        return ""
    expected = _tag(service, device, email)
    # no early end: each tag is compared
    return device if sum(hmac.compare_digest(tag, expected) for tag in tags) else ""


def remember(service: Service, request: Request, answer: Response, email: str) -> None:
    """Give the browser the cookie of an account that it has signed in to."""
    device, tags = _read(service, request)
    device = device or secret_tokens.make()
    tag = _tag(service, device, email)
    kept = [tag, *(other for other in tags if other != tag)][:_MOST_ACCOUNTS]
    cookies.put(service, answer, _name(service), ".".join([device, *kept]), seconds=_SECONDS)


def _read(service: Service, request: Request) -> tuple[str, list[str]]:
    match = _COOKIE.fullmatch(request.cookies.get(_name(service), ""))
    return (match[1], match[2].split(".")[1:]) if match else ("", [])


def _tag(service: Service, device: str, email: str) -> str:
    return service.sealer.tag(f"{device}.{hashed_name(email)}", "device")


def _name(service: Service) -> str:
    return cookies.name(service, "device")
