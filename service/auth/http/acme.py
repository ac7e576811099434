"""The answers to challenges of a CA that gives the service's name a certificate (RFC 8555 §8.3).

Each process answers for the account, without knowing of an order: a replica that a challenge comes
to need not be the one that somebody told of it. Nothing secret is in an answer.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Response

PATH = "/.well-known/acme-challenge/"
# base64url of at least 128 bits
_TOKEN = "^[A-Za-z0-9_-]{22,128}$"  # noqa: S105 - its form


def router(thumbprint: str) -> APIRouter:
    """Return the route that answers for the account with this thumbprint (RFC 8555 §8.1)."""
    routes = APIRouter()

    @routes.get(PATH + "{token}", include_in_schema=False)
    async def answer(token: Annotated[str, Path(pattern=_TOKEN)]) -> Response:
        return Response(f"{token}.{thumbprint}", media_type="application/octet-stream")

    return routes
