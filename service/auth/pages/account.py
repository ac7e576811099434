"""Who is signed in with this browser, and which applications know them."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth import applications
from auth.api.access import Running
from auth.oauth import scopes
from auth.pages import browsers
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.storage import consents

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/account")
async def show(request: Request, service: Running) -> Response:
    found = await browsers.current(service, request)
    if found is None:
        return RedirectResponse("/sign-in", 303)
    account = found[1]
    allowed = [
        (
            consent.client_id,
            applications.name_of(service, consent.client_id),
            [scopes.meaning(word) for word in scopes.split(consent.scope)],
        )
        for consent in await service.database.read(consents.of, account.id)
    ]
    return page(
        request, "account", email=account.email, name=account.name or "", applications=allowed
    )


@ROUTER.post("/account/withdraw")
async def withdraw(request: Request, service: Running, given: Form) -> Response:
    found = await browsers.current(service, request)
    if found is not None:
        await applications.withdraw(service, found[1].id, given.get("client_id", ""))
    return RedirectResponse("/account", 303)
