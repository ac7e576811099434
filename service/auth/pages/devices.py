"""The browsers and applications that are signed in to an account, and their end."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.http.access import Running
from auth.http.destinations import DEVICES, PASSWORD
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.pages.visitors import SignedIn
from auth.sign_in import devices, sign_out

ROUTER = APIRouter(include_in_schema=False, prefix=DEVICES)


@ROUTER.get("")
async def show(request: Request, service: Running, visitor: SignedIn) -> Response:
    return page(
        request,
        "devices",
        devices=await devices.signed_in(service, visitor.account.id, here=visitor.here),
    )


@ROUTER.post("/end")
async def end(service: Running, visitor: SignedIn, fields: Form) -> Response:
    """Sign a device out; after "Not me" the user goes on to a new password."""
    await devices.end(service, visitor.account.id, fields.get("device", ""))
    if fields.get("decision") == "not-me":
        return RedirectResponse(f"{PASSWORD}?stranger=1", 303)
    return RedirectResponse(DEVICES, 303)


@ROUTER.post("/end-others")
async def end_others(service: Running, visitor: SignedIn, _: Form) -> Response:
    await sign_out.elsewhere(service, visitor.account.id, visitor.here)
    return RedirectResponse(DEVICES, 303)


@ROUTER.get("/{form}")
async def show_again(form: str) -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    del form
    return RedirectResponse(DEVICES, 303)
