"""The HTTP API: one router for each subject."""

from fastapi import APIRouter

from auth.api import (
    admin,
    applications,
    audit_log,
    email,
    mailbox,
    me,
    operations,
    passkeys,
    password,
    registration,
    second_factor,
    sessions,
)
from auth.oauth import authorize, discovery, forward_auth, introspection, token, userinfo
from auth.pages import (
    account,
    description,
    factors,
    mailed,
    registering,
    routes,
    signing_in,
    signing_out,
)


def routers(*, development: bool) -> list[APIRouter]:
    """Give every router; those for development exist nowhere else."""
    # asked one after the other: what is asked most often first
    every = [
        me.ROUTER,
        operations.ROUTER,
        sessions.ROUTER,
        registration.ROUTER,
        password.ROUTER,
        email.ROUTER,
        second_factor.ROUTER,
        passkeys.ROUTER,
        applications.ROUTER,
        admin.ROUTER,
        audit_log.ROUTER,
        forward_auth.ROUTER,
        token.ROUTER,
        introspection.ROUTER,
        userinfo.ROUTER,
        authorize.ROUTER,
        discovery.ROUTER,
        signing_in.ROUTER,
        registering.ROUTER,
        signing_out.ROUTER,
        account.ROUTER,
        factors.ROUTER,
        mailed.ROUTER,
        description.ROUTER,
        routes.ROUTER,
    ]
    return [*every, mailbox.ROUTER] if development else every
