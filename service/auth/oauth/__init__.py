"""OAuth 2.0 and OpenID Connect: the endpoints that other applications call."""

from fastapi import APIRouter

from auth.oauth import (
    device_authorization,
    discovery,
    forward_auth,
    introspection,
    pushed_requests,
    registration,
    token,
    userinfo,
)


def routers() -> list[APIRouter]:
    """Return the routers of OAuth's endpoints, the busiest first."""
    return [
        forward_auth.ROUTER,
        token.ROUTER,
        introspection.ROUTER,
        userinfo.ROUTER,
        pushed_requests.ROUTER,
        device_authorization.ROUTER,
        registration.ROUTER,
        discovery.ROUTER,
    ]
