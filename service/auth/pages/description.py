"""The page of the API description: Swagger UI from our own origin, as it was built and published.

It loads nothing from elsewhere, since a script on this origin could sign in for its visitors.
"""

from importlib import resources
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from auth.http import languages
from auth.pages.rendering import rendered
from auth.pages.routes import FOR_EVER

ROUTER = APIRouter(include_in_schema=False)
_PACKAGE = "fastapi_swagger"
_START = Path(__file__).parent / "static" / "description.js"
_POLICY = (
    # Swagger UI brings images as data
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)


@ROUTER.get("/docs")
async def show(request: Request) -> Response:
    text = rendered(
        "description", languages.of(request), version=version(_PACKAGE.replace("_", "-"))
    )
    answer = HTMLResponse(text)
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


@ROUTER.get("/docs/start.js")
async def start() -> Response:
    return FileResponse(_START)


@ROUTER.get("/docs/swagger-ui-bundle.js")
async def script() -> Response:
    return _of_swagger_ui("swagger-ui-bundle.js")


@ROUTER.get("/docs/swagger-ui.css")
async def style() -> Response:
    return _of_swagger_ui("swagger-ui.css")


def _of_swagger_ui(name: str) -> Response:
    with resources.as_file(resources.files(_PACKAGE) / "resources" / name) as path:
        return FileResponse(path, headers=FOR_EVER)
