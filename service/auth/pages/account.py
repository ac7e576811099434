"""The account page: the signed-in user, and the applications that may use the account."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import consents
from auth.http import browsers
from auth.http.access import Running
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.tokens import scopes

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/account")
async def show(request: Request, service: Running) -> Response:
    signed_in = await browsers.current(service, request)
    if signed_in is None:
        return RedirectResponse("/sign-in", 303)
    account = signed_in[1]
    allowed = [
        (
            application.client_id,
            application.name,
            [scopes.meaning(word) for word in application.scopes],
        )
        for application in await consents.applications(service, account)
    ]
    return page(
        request, "account", email=account.email, name=account.name or "", applications=allowed
    )


@ROUTER.get("/account/withdraw")
async def show_again() -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    return RedirectResponse("/account", 303)


@ROUTER.post("/account/withdraw")
async def withdraw(request: Request, service: Running, fields: Form) -> Response:
    signed_in = await browsers.current(service, request)
    if signed_in is not None:
        await consents.withdraw(service, signed_in[1].id, fields.get("client_id", ""))
    return RedirectResponse("/account", 303)
