"""The language of a request: the last choice of its user, else what the browser asks for.

The cookie holds the last choice. A user chooses on a page, or in an application, which sends the
choice as `ui_locales` (OIDC Core §3.1.2.1).
"""

from collections.abc import Sequence

from fastapi import Request, Response

from auth.http import cookies
from auth.languages import choice
from auth.languages.language import Language
from auth.service import Service
from auth.storage import accounts
from auth.storage.accounts import Account

_SECONDS = 365 * 86_400


def of(request: Request, ui_locales: Sequence[str] = ()) -> Language:
    """Return the language of the answer; `ui_locales` are from an application's request."""
    offered = cookies.service_of(request).settings.languages
    return Language.named(wished(request, ui_locales) or offered[0])


def wished(request: Request, ui_locales: Sequence[str] = ()) -> str:
    """Return the offered language that the request asks for, "" if it asks for none of them."""
    service = cookies.service_of(request)
    wishes = [*ui_locales, request.cookies.get(_name(service), "")]
    wishes += choice.accepted(request.headers.get("accept-language", ""))
    return choice.best(wishes, service.settings.languages)


def remember(service: Service, answer: Response, wishes: Sequence[str]) -> None:
    """Keep the first of the wished languages that the service has as the user's choice."""
    code = choice.best(wishes, service.settings.languages)
    if code:
        cookies.put(service, answer, _name(service), code, seconds=_SECONDS)


async def keep_for_mails(service: Service, request: Request, account: Account) -> None:
    """Give an account without a language that of the browser that signs in to it."""
    if account.locale is None and (code := wished(request)):
        await service.database.write(accounts.change, account.id, locale=code)


def _name(service: Service) -> str:
    return cookies.name(service, "language")
