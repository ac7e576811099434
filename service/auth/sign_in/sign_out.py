"""Signing out: the end of a session, or of all sessions of an account."""

import time

from auth.crypto import secret_tokens
from auth.service import Service
from auth.storage import browser_sessions, sessions
from auth.storage.browser_sessions import BrowserSession
from auth.storage.sessions import Session
from auth.telemetry.audit import Event


async def by_refresh_token(service: Service, token: str) -> None:
    """End the session of a refresh token; an unknown token has no session to end."""
    session = await service.database.write(
        sessions.revoke_by_token, secret_tokens.hashed(token), "logout", time.time()
    )
    if session is not None:
        await _record(service, session)


async def session(service: Service, session: Session) -> None:
    """End a session that its user is signed in with."""
    await service.database.write(sessions.revoke, session.id, "logout", time.time())
    await _record(service, session)


async def everywhere(service: Service, account_id: str) -> None:
    """End every session of an account, on all devices."""
    await service.database.write(sessions.revoke_all, account_id, "logout", time.time())
    await service.audit.record(Event.LOGOUT_EVERYWHERE, account_id=account_id)


async def elsewhere(service: Service, account_id: str, here: BrowserSession) -> None:
    """End every session of an account but that of the browser in use."""
    why, now = "logout", time.time()
    await service.database.write(sessions.revoke_all, account_id, why, now, but_browser=here.hash)
    await service.audit.record(Event.LOGOUT_EVERYWHERE, account_id=account_id, but="this browser")


async def applications_of(service: Service, browser: BrowserSession) -> None:
    """Log the clients out that take logout tokens, of a browser whose user signs out."""
    clients = [client.id for client in service.settings.clients.every() if client.logout_uri]
    if clients and browser.id is not None:
        await service.database.write(
            sessions.log_out_of, browser.id, clients, "logout", time.time()
        )


async def another_browser(service: Service, account_id: str, hashed: str) -> bool:
    """End the session of a browser by the hash of its cookie; return whether there was any."""
    for browser in await service.database.read(browser_sessions.live, account_id, time.time()):
        if browser.hash == hashed:
            await applications_of(service, browser)
    ended = await service.database.write(browser_sessions.remove, hashed, account_id=account_id)
    if ended:
        await service.audit.record(Event.SESSION_REVOKED, account_id=account_id, page="devices")
    return bool(ended)


async def another_session(service: Service, account_id: str, session_id: str) -> bool:
    """End a session of the account by its id; return whether there was such a session."""
    ended = await service.database.write(
        sessions.revoke, session_id, "revoked", time.time(), account_id=account_id
    )
    if ended:
        await service.audit.record(
            Event.SESSION_REVOKED, account_id=account_id, session_id=session_id
        )
    return bool(ended)


async def _record(service: Service, session: Session) -> None:
    await service.audit.record(Event.LOGOUT, account_id=session.account_id, session_id=session.id)
