"""The first page of an account: its user, the ways to its other pages, and the applications."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import consents
from auth.http.access import Running
from auth.http.destinations import HOME
from auth.pages import visitors
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.pages.visitors import SignedIn
from auth.storage import factors
from auth.tokens import scopes

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get(HOME)
async def show(request: Request, service: Running, visitor: SignedIn) -> Response:
    account = visitor.account
    allowed = [
        (
            application.client_id,
            application.name,
            [scopes.meaning(word) for word in application.scopes],
        )
        for application in await consents.applications(service, account)
    ]
    return page(
        request,
        "account",
        email=account.email,
        name=account.name or "",
        has_upstreams=bool(service.upstreams.every()),
        has_factor=bool(await service.database.read(factors.of, account.id)),
        administers=visitor.is_administrator and visitors.administers(service),
        applications=allowed,
    )


@ROUTER.get("/account/withdraw")
async def show_again() -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    return RedirectResponse(HOME, 303)


@ROUTER.post("/account/withdraw")
async def withdraw(service: Running, visitor: SignedIn, fields: Form) -> Response:
    await consents.withdraw(service, visitor.account.id, fields.get("client_id", ""))
    return RedirectResponse(HOME, 303)
