"""Every page, and their style sheet."""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from auth.pages import mailed, signing_in, signing_out
from auth.pages.rendering import STYLE

ROUTER = APIRouter(include_in_schema=False)
ROUTER.include_router(signing_in.ROUTER)
ROUTER.include_router(signing_out.ROUTER)
ROUTER.include_router(mailed.ROUTER)
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@ROUTER.get("/")
async def root() -> Response:
    return RedirectResponse("/account", 303)


@ROUTER.get("/pages.css")
async def style() -> Response:
    return Response(STYLE, media_type="text/css", headers=_FOR_EVER)
