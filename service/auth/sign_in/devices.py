"""The devices that are signed in to an account: browsers on the pages, and sessions of clients."""

import re
import time
from dataclasses import dataclass

from auth.languages.messages import Message
from auth.service import Service
from auth.sign_in import sign_out
from auth.storage import browser_sessions, sessions
from auth.storage.browser_sessions import BrowserSession
from auth.tokens.first_party import FIRST_PARTY

# the first that a user agent has: browsers also have the names of their forerunners
_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)
_BROWSER, _CLIENT = "browser", "client"
_DEVICE = re.compile(rf"({_BROWSER}|{_CLIENT}):([A-Za-z0-9_-]{{1,43}})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A device; `id` names it for `end`, `application` is "" for the account's own pages.

    Times are Unix seconds. `last_used_at` of a browser is the time of its sign-in.
    """

    id: str
    description: Message | str
    application: str
    address: str
    signed_in_at: float
    last_used_at: float
    is_here: bool = False


async def signed_in(
    service: Service, account_id: str, *, here: BrowserSession | None = None
) -> list[Device]:
    """List the devices of an account: the browser in use first, then the last used."""
    now = time.time()
    browsers = await service.database.read(browser_sessions.live, account_id, now)
    found = [
        Device(
            id=f"{_BROWSER}:{browser.hash}",
            description=described(browser.user_agent),
            application="",
            address=browser.address,
            signed_in_at=browser.authenticated_at or browser.created_at,
            last_used_at=browser.last_used_at,
            is_here=here is not None and browser.hash == here.hash,
        )
        for browser in browsers
    ]
    for session in await service.database.read(sessions.live, account_id, now):
        client = service.settings.clients.find(session.client_id)
        own = "" if session.client_id == FIRST_PARTY else session.client_id
        found.append(
            Device(
                id=f"{_CLIENT}:{session.id}",
                description=described(session.user_agent),
                application=client.name if client else own,
                address=session.address,
                signed_in_at=session.authenticated_at or session.created_at,
                last_used_at=session.last_used_at,
            )
        )
    return sorted(found, key=lambda device: (not device.is_here, -device.last_used_at))


async def end(service: Service, account_id: str, device: str) -> bool:
    """Sign a device of the account out, by its id; return whether it was signed in."""
    match = _DEVICE.fullmatch(device)
    if match is None:
        return False
    if match[1] == _BROWSER:
        return await sign_out.another_browser(service, account_id, match[2])
    return await sign_out.another_session(service, account_id, match[2])


def described(user_agent: str) -> Message | str:
    """Return the names of a program and its system, as far as its user agent has them."""
    program = next((name for sign, name in _PROGRAMS if f"{sign}/" in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if program and system:
        return Message("%(program)s on %(system)s", program=program, system=system)
    return program or system or user_agent.partition("/")[0] or Message("Unknown device")
