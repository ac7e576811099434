"""The HTTP API: a router for each subject."""

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


def routers(*, development: bool) -> list[APIRouter]:
    """Return the routers of the API; the mailbox is for development alone."""
    # routes are tried in turn, so the busiest come first
    always = [
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
    ]
    return [*always, mailbox.ROUTER] if development else always
