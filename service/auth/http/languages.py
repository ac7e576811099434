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

_SECONDS = 365 * 86_400


def of(request: Request, ui_locales: Sequence[str] = ()) -> Language:
    """Return the language of the answer; `ui_locales` are from an application's request."""
    service = cookies.service_of(request)
    wishes = [*ui_locales, request.cookies.get(_name(service), "")]
    wishes += choice.accepted(request.headers.get("accept-language", ""))
    offered = service.settings.languages
    return Language.named(choice.best(wishes, offered) or offered[0])


def offered(service: Service) -> list[Language]:
    return [Language.named(code) for code in service.settings.languages]


def remember(service: Service, answer: Response, wishes: Sequence[str]) -> None:
    """Keep the first of the wished languages that the service has as the user's choice."""
    code = choice.best(wishes, service.settings.languages)
    if code:
        cookies.put(service, answer, _name(service), code, seconds=_SECONDS)


def _name(service: Service) -> str:
    return cookies.name(service, "language")
