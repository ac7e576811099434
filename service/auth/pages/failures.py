"""The pages for refusals that no form can correct."""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from auth.authorization.requests import UnusableRequestError
from auth.pages.forms import ForgedFormError
from auth.pages.rendering import page

_OLD = (
    "This form was open for too long, you have signed in meanwhile, or your browser keeps no "
    "cookies for this site. Go back, reload the page, and try again."
)


def install(app: FastAPI) -> None:
    @app.exception_handler(ForgedFormError)
    async def _forged(request: Request, _: ForgedFormError) -> HTMLResponse:
        return page(request, "failure", status=403, title="Please try again", text=_OLD)

    @app.exception_handler(UnusableRequestError)
    async def _unusable(request: Request, error: UnusableRequestError) -> HTMLResponse:
        title = "This sign-in can't go on"
        return page(request, "failure", status=400, title=title, text=str(error))
