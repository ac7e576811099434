"""The page where a user lets a device sign in (RFC 8628 §3.3)."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import consents
from auth.authorization import device
from auth.errors import ProblemError
from auth.http import browsers
from auth.http.access import Running
from auth.http.destinations import DEVICE_PAGE, device_page, sign_in
from auth.languages.messages import Message, msgid
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.pages.visitors import SignedIn
from auth.tokens import scopes

ROUTER = APIRouter(include_in_schema=False, prefix=DEVICE_PAGE)
_DECIDED = {
    True: (
        msgid("Device connected"),
        msgid("%(client)s is signed in as you. Go back to the device."),
    ),
    False: (msgid("Device refused"), msgid("%(client)s gets no access to your account.")),
}


@ROUTER.get("")
async def show(request: Request, service: Running) -> Response:
    """Ask for the code; with a code in the link, the user still compares it with the device's."""
    user_code = device.typed(request.query_params.get("user_code", ""))
    if await browsers.current(service, request) is None:
        return RedirectResponse(sign_in(device_page(user_code)), 303)
    return page(request, "device", user_code=device.shown(user_code) if user_code else "")


@ROUTER.post("")
async def find(request: Request, service: Running, visitor: SignedIn, fields: Form) -> Response:
    """Show the application behind a code."""
    try:
        code, client = await device.find(service, visitor.account, fields.get("user_code", ""))
    except ProblemError as refused:
        return page(request, "device", user_code=fields.get("user_code", ""), error=refused)
    return page(
        request,
        "device_consent",
        client=client.name,
        email=visitor.account.email,
        user_code=device.shown(device.typed(fields.get("user_code", ""))),
        asked=[scopes.meaning(word) for word in scopes.split(code.scope)],
    )


@ROUTER.post("/decision")
async def decide(request: Request, service: Running, visitor: SignedIn, fields: Form) -> Response:
    """Apply the user's decision."""
    allows = fields.get("decision") == "allow"
    try:
        code, client = await device.find(service, visitor.account, fields.get("user_code", ""))
        if allows:
            await consents.grant(service, visitor.account, client, code.scope)
        await device.decide(service, code, visitor.here if allows else None)
    except ProblemError as refused:
        return page(request, "device", user_code="", error=refused)
    title, text = _DECIDED[allows]
    return page(request, "changed", title=Message(title), text=Message(text, client=client.name))


@ROUTER.get("/decision")
async def show_again() -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    return RedirectResponse(DEVICE_PAGE, 303)
