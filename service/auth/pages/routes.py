"""The root, and the style sheet and the script of the pages."""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from auth.pages.rendering import SCRIPT, STYLE

ROUTER = APIRouter(include_in_schema=False)
# what has its version in its address
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@ROUTER.get("/")
async def root() -> Response:
    return RedirectResponse("/account", 303)


@ROUTER.get("/pages.css")
async def style() -> Response:
    return Response(STYLE, media_type="text/css", headers=FOR_EVER)


@ROUTER.get("/passkeys.js")
async def script() -> Response:
    return Response(SCRIPT, media_type="text/javascript", headers=FOR_EVER)
