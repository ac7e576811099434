"""The pages that people see: plain HTML from the server. Passkeys alone need JavaScript."""

from fastapi import APIRouter

from auth.pages import (
    account,
    authorizing,
    description,
    factors,
    mailed,
    registering,
    routes,
    signing_in,
    signing_out,
)


def routers(*, api_docs: bool) -> list[APIRouter]:
    """Return the routers of the pages, the busiest first."""
    return [
        authorizing.ROUTER,
        signing_in.ROUTER,
        registering.ROUTER,
        signing_out.ROUTER,
        account.ROUTER,
        factors.ROUTER,
        mailed.ROUTER,
        *([description.ROUTER] if api_docs else []),
        routes.ROUTER,
    ]
