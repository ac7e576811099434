"""The way to an upstream and back from it.

Both steps are links and redirects. A form would need each address on the way in the policy of its
page, and those of the upstream are not known.
"""

import re

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import identities
from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.http import cookies, destinations
from auth.http.access import Running
from auth.languages.messages import Message
from auth.pages import signing_in
from auth.sign_in import second_factor, upstream_sign_in
from auth.sign_in.upstream_sign_in import METHOD

ROUTER = APIRouter(include_in_schema=False, prefix="/sign-in/with")
_COOKIE = "upstream"
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
    provider = upstream_sign_in.provider_of(service, upstream)
    name = cookies.name(service, _COOKIE)
    # tabs share the cookie: each has a state of its own
    browser = request.cookies.get(name, "")
    if not _SECRET.fullmatch(browser):
        browser = secret_tokens.make()
    is_fresh = signing_in.is_fresh(target, request.query_params.get("fresh", ""))
    try:
        address = await upstream_sign_in.begin(
            service, provider, browser=browser, target=target, is_fresh=is_fresh
        )
    except ProblemError as refused:
        return signing_in.form(service, request, target, email="", error=refused)
    answer = RedirectResponse(address, 303)
    cookies.put(service, answer, name, browser, seconds=upstream_sign_in.SECONDS)
    return answer


@ROUTER.get("/{upstream}/callback")
async def finish(request: Request, service: Running, upstream: str) -> Response:
    """Sign the user of the upstream in; an account with a second factor is asked for it as well."""
    provider = upstream_sign_in.provider_of(service, upstream)
    browser = request.cookies.get(cookies.name(service, _COOKIE), "")
    answer = {name: value[:_LONGEST] for name, value in request.query_params.items()}
    target = destinations.HOME
    try:
        arrival = await upstream_sign_in.finish(service, provider, browser=browser, answer=answer)
        target = arrival.target
        account = await identities.sign_in(service, provider.upstream, arrival.user)
    except ProblemError as refused:
        error = _STALE if refused.code is Code.INVALID_CHALLENGE else refused
        return signing_in.form(service, request, target, email="", error=error)
    question = await second_factor.question(service, account, after=METHOD)
    if question is not None:
        return signing_in.question_after(service, request, target, question)
    return await signing_in.signed_in(
        service,
        request,
        target,
        account,
        [METHOD],
        authenticated_at=arrival.user.authenticated_at or 0,
    )
