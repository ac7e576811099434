"""The choice of the language, from a link below each page."""

import re
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.http import browsers, cookies, languages
from auth.http.access import Running
from auth.http.destinations import AUTHORIZE, HOME
from auth.languages import AVAILABLE
from auth.storage import accounts

ROUTER = APIRouter(include_in_schema=False)
PATH = "/language"
# a path of ours: browsers take a second slash, or a backslash, for the begin of a host
_OURS = re.compile(r"/(?![/\\])[!-\[\]-~]{0,8192}")


@ROUTER.get(PATH)
async def choose(request: Request, service: Running, to: str = "", page: str = "") -> Response:
    """Keep the choice, also as that of the signed-in user's mails, and lead back to the page."""
    answer = RedirectResponse(page if _OURS.fullmatch(page) else HOME, 303)
    languages.remember(service, answer, [to])
    signed_in = await browsers.current(service, request)
    if signed_in is not None and to in service.settings.languages:
        await service.database.write(accounts.change, signed_in[1].id, locale=to)
    return answer


def links(request: Request, fields: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return code, name and address of each language to choose.

    `fields` reopen the answer to a form. The texts of the other languages are not read for it.
    """
    path, query = request.url.path, request.url.query
    if request.method == "POST":
        query = urlencode(fields)
    elif path.startswith("/sign-in/with/"):
        # the answer of an upstream counts once
        path, query = "/sign-in", urlencode(fields)
    page = f"{path}?{query}" if query else path
    if page.startswith(AUTHORIZE):
        # the application's wish would come after the user's
        values = [pair for pair in parse_qsl(query) if pair[0] != "ui_locales"]
        page = AUTHORIZE + urlencode(values)
    return [
        (code, AVAILABLE[code], f"{PATH}?{urlencode({'to': code, 'page': page})}")
        for code in cookies.service_of(request).settings.languages
    ]
