"""The download of a user's data, and the deletion of the account."""

import json

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import personal_data, profile
from auth.errors import Code, ProblemError
from auth.http import browsers
from auth.http.access import Running
from auth.http.destinations import DATA
from auth.languages.messages import Message
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.pages.visitors import Recent, SignedIn

ROUTER = APIRouter(include_in_schema=False, prefix=DATA)
_DISAGREED = ProblemError(Code.INVALID_REQUEST, detail=Message("Type the address of the account."))


@ROUTER.get("")
async def show(request: Request, visitor: SignedIn) -> Response:
    return page(request, "own_data", email=visitor.account.email)


@ROUTER.post("/download")
async def download(service: Running, visitor: Recent, _: Form) -> Response:
    content = json.dumps(await personal_data.collect(service, visitor.account), indent=2)
    name = 'attachment; filename="account.json"'
    return Response(content, media_type="application/json", headers={"Content-Disposition": name})


@ROUTER.post("/delete")
async def delete(request: Request, service: Running, visitor: Recent, fields: Form) -> Response:
    """Delete the account, once its user has typed its address."""
    account = visitor.account
    if fields.get("email", "").strip().lower() != account.email:
        return page(request, "own_data", email=account.email, error=_DISAGREED)
    await profile.delete(service, account)
    text = Message("Your account is deleted, with all that belonged to it.")
    answer = page(request, "gone", title=Message("Account deleted"), text=text)
    await browsers.end(service, request, answer)
    return answer


@ROUTER.get("/{form}")
async def show_again(form: str) -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    del form
    return RedirectResponse(DATA, 303)
