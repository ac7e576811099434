"""The way to an upstream and back from it.

Both steps are links and redirects. A form would need each address on the way in the policy of its
page, and those of the upstream are not known.
"""

import re

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import identities, upstream_users
from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.http import cookies, destinations, head
from auth.http.access import Running
from auth.languages.messages import Message
from auth.pages import signing_in
from auth.service import Service
from auth.sign_in import second_factor, upstream_sign_in
from auth.sign_in.upstream_sign_in import METHOD, Arrival, provider_of
from auth.upstreams.configuration import Upstream
from auth.upstreams.providers import Provider

ROUTER = APIRouter(include_in_schema=False, prefix="/sign-in/with")
_COOKIE = "upstream"
# as long as an identity waits for its user
_COOKIE_SECONDS = 3600
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST = 4096
_STALE = ProblemError(
    Code.INVALID_CHALLENGE,
    detail=Message("This sign-in was not begun here, or is over. Begin it again."),
)


@ROUTER.get("/{upstream}")
async def begin(request: Request, service: Running, upstream: str) -> Response:
    """Lead to the upstream, which leads back to `finish`."""
    target = destinations.safe(service, request.query_params.get("next", ""))
    is_fresh = signing_in.is_fresh(target, request.query_params.get("fresh", ""))
    provider = provider_of(service, upstream)
    try:
        return await leave(request, service, provider, target=target, is_fresh=is_fresh)
    except ProblemError as refused:
        return signing_in.form(service, request, target, email="", error=refused)


@ROUTER.get("/{upstream}/callback")
async def finish(request: Request, service: Running, upstream: str) -> Response:
    """Sign the user of the upstream in; an account with a second factor is asked for it as well."""
    head.refuse(request)
    provider, browser = provider_of(service, upstream), browser_of(request, service)
    answer = {name: value[:_LONGEST] for name, value in request.query_params.items()}
    target = destinations.HOME
    try:
        arrival = await upstream_sign_in.finish(service, provider, browser=browser, answer=answer)
        target = arrival.target
        if arrival.links:
            waiting = await _wait(service, provider.upstream, arrival, browser)
            return RedirectResponse(waiting, 303)
        account = await upstream_users.sign_in(service, provider.upstream, arrival.user)
    except ProblemError as refused:
        email = ""
        if refused.code is Code.EMAIL_TAKEN:
            # its owner may link it, once signed in
            target = await _wait(service, provider.upstream, arrival, browser)
            email = upstream_users.usable(arrival.user.email)
        error = _STALE if refused.code is Code.INVALID_CHALLENGE else refused
        return signing_in.form(service, request, target, email=email, error=error)
    question = await second_factor.question(service, account, after=METHOD)
    if question is not None:
        return signing_in.question_after(service, request, target, question)
    if arrival.is_stale:
        error = upstream_sign_in.too_old(provider.upstream)
        return signing_in.form(service, request, target, email="", error=error)
    return await signing_in.signed_in(
        service,
        request,
        target,
        account,
        [METHOD],
        authenticated_at=arrival.user.authenticated_at or 0,
    )


async def leave(
    request: Request,
    service: Service,
    provider: Provider,
    *,
    target: str,
    is_fresh: bool = False,
    links: bool = False,
) -> Response:
    """Lead the browser to an upstream, with a secret by which it is known when it comes back."""
    # tabs share the cookie: each has a state of its own
    browser = browser_of(request, service) or secret_tokens.make()
    address = await upstream_sign_in.begin(
        service, provider, browser=browser, target=target, is_fresh=is_fresh, links=links
    )
    answer = RedirectResponse(address, 303)
    cookies.put(service, answer, cookies.name(service, _COOKIE), browser, seconds=_COOKIE_SECONDS)
    return answer


def browser_of(request: Request, service: Service) -> str:
    """Return the secret of a browser that went to an upstream, "" for any other browser."""
    browser = request.cookies.get(cookies.name(service, _COOKIE), "")
    return browser if _SECRET.fullmatch(browser) else ""


async def _wait(service: Service, upstream: Upstream, arrival: Arrival, browser: str) -> str:
    token = await identities.wait(
        service, upstream, arrival.user, browser=browser, target=arrival.target
    )
    return destinations.confirm_identity(token)
