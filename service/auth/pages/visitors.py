"""The visitors of the pages of an account: a signed-in user, perhaps with a recent sign-in."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.http import browsers
from auth.http.access import Running
from auth.http.destinations import page_of, sign_in
from auth.service import Service
from auth.sign_in import second_factor
from auth.sign_in.enrolment import Owner
from auth.storage import factors
from auth.storage.accounts import ADMIN
from auth.storage.browser_sessions import BrowserSession


class SignInFirstError(Exception):
    """Nobody is signed in with this browser, or nobody has signed in lately: `is_again`."""

    def __init__(self, *, is_again: bool = False) -> None:
        super().__init__()
        self.is_again = is_again


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor(Owner):
    """The signed-in user; `cookie` is the browser's new cookie if its session changes."""

    here: BrowserSession
    cookie: str

    @property
    def is_administrator(self) -> bool:
        return self.account.role == ADMIN


async def _signed_in(request: Request, service: Running) -> Visitor:
    signed_in = await browsers.current(service, request)
    if signed_in is None:
        raise SignInFirstError
    session, account = signed_in
    cookie = secret_tokens.make()
    return Visitor(
        account=account, here=session, renewed=secret_tokens.hashed(cookie), cookie=cookie
    )


SignedIn = Annotated[Visitor, Depends(_signed_in)]


async def _lately(service: Running, visitor: SignedIn) -> Visitor:
    if not await second_factor.shown_lately(service, visitor.here):
        raise SignInFirstError(is_again=True)
    return visitor


Recent = Annotated[Visitor, Depends(_lately)]


async def _stepped_up(service: Running, visitor: SignedIn) -> Visitor:
    """Return a visitor with a recent sign-in; without a second factor any sign-in is enough."""
    if await service.database.read(factors.of, visitor.account.id):
        return await _lately(service, visitor)
    return visitor


SteppedUp = Annotated[Visitor, Depends(_stepped_up)]


async def _administrator(visitor: SignedIn) -> Visitor:
    if not visitor.is_administrator:
        raise ProblemError(Code.FORBIDDEN)
    return visitor


Administrator = Annotated[Visitor, Depends(_administrator)]


async def _recent_administrator(service: Running, visitor: Administrator) -> Visitor:
    return await _lately(service, visitor)


RecentAdministrator = Annotated[Visitor, Depends(_recent_administrator)]


def install(app: FastAPI) -> None:
    @app.exception_handler(SignInFirstError)
    async def _sign_in_first(request: Request, error: SignInFirstError) -> Response:
        """Lead to the sign-in page, and from there back to the page in question."""
        address = sign_in(page_of(request.url.path), is_again=error.is_again)
        return RedirectResponse(address, 303)


def renew(service: Service, request: Request, answer: Response, visitor: Visitor) -> None:
    """Give the browser its new cookie, which lasts as long as the earlier cookie would have."""
    seconds = visitor.here.expires_at - time.time()
    browsers.keep(service, request, answer, visitor.cookie, seconds)


def administers(service: Service) -> bool:
    """Return whether the pages of administration are there.

    A cookie for a whole domain is seen by every host of it, which would administer the accounts.
    """
    return not service.settings.cookie_domain
