"""The pages that people see: plain HTML from the server. Passkeys alone need JavaScript."""

from fastapi import APIRouter

from auth.pages import (
    account,
    administration,
    authorizing,
    brand,
    description,
    device,
    devices,
    factors,
    identities,
    language,
    mailbox,
    mailed,
    own_data,
    password,
    profile,
    registering,
    routes,
    signing_in,
    signing_out,
    upstream_sign_in,
)


def routers(*, api_docs: bool, administration_pages: bool, development: bool) -> list[APIRouter]:
    """Return the routers of the pages, the busiest first."""
    return [
        authorizing.ROUTER,
        upstream_sign_in.ROUTER,
        signing_in.ROUTER,
        registering.ROUTER,
        signing_out.ROUTER,
        account.ROUTER,
        factors.ROUTER,
        profile.ROUTER,
        password.ROUTER,
        identities.ROUTER,
        devices.ROUTER,
        device.ROUTER,
        own_data.ROUTER,
        mailed.ROUTER,
        *([administration.ROUTER] if administration_pages else []),
        *([description.ROUTER] if api_docs else []),
        *([mailbox.ROUTER] if development else []),
        language.ROUTER,
        brand.ROUTER,
        routes.ROUTER,
    ]
