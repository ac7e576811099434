"""The operator's own name, logo and colours on the pages."""

from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request, Response

from auth.pages.rendering import File
from auth.pages.routes import versioned
from auth.settings import Settings

ROUTER = APIRouter(include_in_schema=False)
# a logo is an image: it may have styles of its own, and neither scripts nor anything from elsewhere
_LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True, kw_only=True, slots=True)
class Brand:
    """`name` is "" for none; without `style` and `logo` the pages have ours."""

    name: str
    style: File | None
    logo: File | None


def install(app: FastAPI, settings: Settings) -> None:
    style, logo = _style(settings), settings.brand_logo
    app.state.brand = Brand(
        name=settings.brand_name,
        style=File.of("brand.css", "text/css", style.encode()) if style else None,
        logo=File.of("logo.svg", "image/svg+xml", logo.encode()) if logo else None,
    )


@ROUTER.get("/brand.css")
async def style(request: Request, v: str = "") -> Response:
    return versioned(request.app.state.brand.style, v)


@ROUTER.get("/logo.svg")
async def logo(request: Request, v: str = "") -> Response:
    answer = versioned(request.app.state.brand.logo, v)
    answer.headers["Content-Security-Policy"] = _LOGO_POLICY
    return answer


def _style(settings: Settings) -> str:
    """Return the style sheet of the colours; a colour under the pointer has more contrast."""
    rules = []
    if settings.brand_color:
        rules.append(_rule("not (prefers-color-scheme: dark)", settings.brand_color, "black"))
    if settings.brand_color_dark:
        rules.append(_rule("(prefers-color-scheme: dark)", settings.brand_color_dark, "white"))
    return "\n".join(rules)


def _rule(media: str, color: str, stronger: str) -> str:
    strong = f"color-mix(in srgb, {color} 80%, {stronger})"
    return f"@media {media} {{ :root {{ --accent: {color}; --accent-strong: {strong}; }} }}"
