"""The sign-ins with other providers that an account has: linked, listed and removed."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import identities
from auth.accounts.identities import Waiting
from auth.errors import Code, ProblemError
from auth.http.access import Running
from auth.http.destinations import IDENTITIES
from auth.languages.messages import Message
from auth.pages import signing_in, upstream_sign_in, visitors
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.pages.visitors import Recent, Visitor
from auth.service import Service
from auth.sign_in.upstream_sign_in import provider_of

ROUTER = APIRouter(include_in_schema=False, prefix=IDENTITIES)
_OVER = ProblemError(
    Code.INVALID_CHALLENGE,
    detail=Message("That took too long, or was begun elsewhere. Begin it again."),
)


@ROUTER.get("")
async def show(request: Request, service: Running, visitor: Recent) -> Response:
    return await _shown(request, service, visitor)


@ROUTER.get("/link/{upstream}")
async def begin(request: Request, service: Running, visitor: Recent, upstream: str) -> Response:
    """Lead to an upstream, which leads back to the confirmation."""
    del visitor
    try:
        return await upstream_sign_in.leave(
            request, service, provider_of(service, upstream), target=IDENTITIES, links=True
        )
    except ProblemError as refused:
        if refused.code is Code.NOT_FOUND:
            raise
        return signing_in.form(service, request, IDENTITIES, email="", error=refused)


@ROUTER.get("/confirm")
async def confirm(
    request: Request, service: Running, visitor: Recent, waiting: str = ""
) -> Response:
    """Show the identity that is about to be linked, and the account."""
    try:
        found = await _waiting(request, service, waiting)
    except ProblemError as refused:
        return await _shown(request, service, visitor, error=refused)
    return page(
        request,
        "link_identity",
        leads_to=signing_in.leads_to(service, found.target),
        email=visitor.account.email,
        identity=found,
        waiting=waiting,
    )


@ROUTER.post("/confirm")
async def link(request: Request, service: Running, visitor: Recent, fields: Form) -> Response:
    try:
        found = await _waiting(request, service, fields.get("waiting", ""))
        await identities.link(service, visitor.account, found)
    except ProblemError as refused:
        error = _OVER if refused.code is Code.INVALID_CHALLENGE else refused
        return await _shown(request, service, visitor, error=error)
    return RedirectResponse(found.target, 303)


@ROUTER.post("/remove")
async def remove(request: Request, service: Running, visitor: Recent, fields: Form) -> Response:
    issuer, subject = fields.get("issuer", ""), fields.get("subject", "")
    try:
        await identities.unlink(
            service, visitor.account, visitor.here, issuer, subject, renewed=visitor.renewed
        )
    except ProblemError as refused:
        return await _shown(request, service, visitor, error=refused)
    text = Message(
        "It can't sign in to your account any more, and all other devices were signed out."
    )
    answer = page(request, "changed", title=Message("Sign-in removed"), text=text)
    visitors.renew(service, request, answer, visitor)
    return answer


@ROUTER.get("/{form}")
async def show_again(form: str) -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    del form
    return RedirectResponse(IDENTITIES, 303)


async def _waiting(request: Request, service: Service, token: str) -> Waiting:
    browser = upstream_sign_in.browser_of(request, service)
    try:
        return await identities.find(service, token, browser=browser)
    except ProblemError:
        raise _OVER from None


async def _shown(
    request: Request, service: Service, visitor: Visitor, *, error: ProblemError | None = None
) -> Response:
    return page(
        request,
        "identities",
        error=error,
        identities=await identities.of(service, visitor.account.id),
        upstreams=service.upstreams.every(),
    )
