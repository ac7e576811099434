"""The root, and the style sheet and the script of the pages."""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from auth.errors import Code, ProblemError
from auth.pages.rendering import SCRIPT, STYLE, File

ROUTER = APIRouter(include_in_schema=False)
# for files with their version in their address
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@ROUTER.get("/")
async def root() -> Response:
    return RedirectResponse("/account", 303)


@ROUTER.get(STYLE.path)
async def style(v: str = "") -> Response:
    return versioned(STYLE, v)


@ROUTER.get(SCRIPT.path)
async def script(v: str = "") -> Response:
    return versioned(SCRIPT, v)


def versioned(file: File | None, version: str) -> Response:
    """Return a file, which browsers may keep for ever if they ask for its very version."""
    if file is None:
        raise ProblemError(Code.NOT_FOUND)
    # while two releases run side by side, a page of the first may ask the second for a file
    headers = FOR_EVER if version == file.version else None
    return Response(file.content, media_type=file.media_type, headers=headers)
