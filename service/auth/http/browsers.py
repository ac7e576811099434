"""The session of a browser, with its signed-in user."""

import time
import uuid
from collections.abc import Sequence

from fastapi import Request, Response

from auth.context import CALLER
from auth.crypto import secret_tokens
from auth.http import cookies, csrf, devices, languages
from auth.service import Service
from auth.sign_in.sessions import complete
from auth.storage import browser_sessions
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession


async def current(service: Service, request: Request) -> tuple[BrowserSession, Account] | None:
    """Return the session of the browser's cookie with its account, None if nobody is signed in."""
    cookie = request.cookies.get(_name(service))
    if not cookie:
        return None
    hashed = secret_tokens.hashed(cookie)
    return await service.database.read(browser_sessions.find, hashed, time.time())


async def begin(
    service: Service,
    request: Request,
    answer: Response,
    account: Account,
    amr: Sequence[str],
    *,
    authenticated_at: float | None = None,
) -> None:
    """Sign the account in with a new cookie; the browser's earlier session is void.

    `authenticated_at` is 0 if nobody knows when the user signed in, as with some upstreams. By
    default it is now.
    """
    cookie, now, caller = secret_tokens.make(), time.time(), CALLER.get()
    seconds = service.settings.browser_session_seconds
    session = BrowserSession(
        id=uuid.uuid4().hex,
        hash=secret_tokens.hashed(cookie),
        account_id=account.id,
        amr=" ".join(amr),
        authenticated_at=now if authenticated_at is None else authenticated_at,
        created_at=now,
        last_used_at=now,
        expires_at=now + seconds,
        address=caller.address,
        user_agent=caller.user_agent,
    )
    before = secret_tokens.hashed(request.cookies.get(_name(service), ""))
    await complete(
        service,
        account,
        lambda connection: browser_sessions.begin(connection, account, session, instead_of=before),
        page="sign-in",
    )
    keep(service, request, answer, cookie, seconds)
    devices.remember(service, request, answer, account.email)
    await languages.keep_for_mails(service, request, account)


def keep(service: Service, request: Request, answer: Response, cookie: str, seconds: float) -> None:
    """Give the browser the cookie of its session, new after each sign-in and each step up."""
    domain = service.settings.cookie_domain
    cookies.put(service, answer, _name(service), cookie, seconds=int(seconds), domain=domain)
    csrf.renew(request, answer)


async def end(service: Service, request: Request, answer: Response) -> None:
    """Sign the browser out."""
    hashed = secret_tokens.hashed(request.cookies.get(_name(service), ""))
    await service.database.write(browser_sessions.remove, hashed)
    domain = service.settings.cookie_domain
    cookies.remove(service, answer, _name(service), domain=domain)


def _name(service: Service) -> str:
    return cookies.name(service, "session", shared=bool(service.settings.cookie_domain))
