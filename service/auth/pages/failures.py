"""The pages for refusals that no form can correct, and for errors of any address of the pages."""

import json
from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from auth.authorization.requests import UnusableRequestError
from auth.errors import ProblemError
from auth.languages.messages import Message
from auth.pages.forms import ForgedFormError
from auth.pages.rendering import page

Handler = Callable[[Request, Exception], Awaitable[Response]]

_OLD = Message(
    "This form was open for too long, you have signed in meanwhile, or your browser keeps no "
    "cookies for this site. Go back, reload the page, and try again."
)
# for programs, whatever they accept: a proxy may show these answers at another host
_OF_PROGRAMS = ("/v1/", "/.well-known/", "/oauth2/", "/userinfo")
_NOT_FOUND, _NOT_ALLOWED, _SERVERS = 404, 405, 500
_TEXTS = {
    _NOT_FOUND: (Message("Page not found"), Message("There is no page at this address.")),
    _NOT_ALLOWED: (
        Message("Please begin again"),
        Message("This page is the answer to a form, and can't be opened."),
    ),
}


def install(app: FastAPI) -> None:
    @app.exception_handler(ForgedFormError)
    async def _forged(request: Request, _: ForgedFormError) -> HTMLResponse:
        return page(request, "failure", status=403, title=Message("Please try again"), text=_OLD)

    @app.exception_handler(UnusableRequestError)
    async def _unusable(request: Request, error: UnusableRequestError) -> HTMLResponse:
        title = Message("This sign-in can't go on")
        return page(request, "failure", status=400, title=title, text=Message(str(error)))

    kinds = (ProblemError, RequestValidationError, HTTPException, SQLAlchemyError, Exception)
    for kind in kinds:
        for_programs = cast("Handler", app.exception_handlers[kind])
        app.add_exception_handler(kind, _shown(for_programs))


def _shown(for_programs: Handler) -> Handler:
    """Return a handler that answers a browser with a page, and a program as before."""

    async def handle(request: Request, error: Exception) -> Response:
        document = await for_programs(request, error)
        path = request.url.path
        if "text/html" not in request.headers.get("accept", "") or path.startswith(_OF_PROGRAMS):
            return document
        return _page(request, document, error)

    return handle


def _page(request: Request, document: Response, error: Exception) -> Response:
    problem, status = json.loads(bytes(document.body)), document.status_code
    otherwise = (
        Message("Something went wrong") if status >= _SERVERS else Message("That did not work")
    )
    title, text = _TEXTS.get(status, (otherwise, _reason(error, problem)))
    answer = page(request, "failure", status=status, title=title, text=text)
    for name in ("Retry-After", "Allow"):
        if name in document.headers:
            answer.headers[name] = document.headers[name]
    return answer


def _reason(error: Exception, problem: dict[str, str]) -> Message:
    if isinstance(error, ProblemError):
        return error.text
    # a title of ours, or the reason of a status (RFC 9110)
    return Message(problem.get("detail") or problem["title"])
