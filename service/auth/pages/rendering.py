"""Renders the pages: every value is escaped, one that is missing is an error."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auth.pages import csrf

_FOLDER = Path(__file__).parent
STYLE = (_FOLDER / "static" / "pages.css").read_bytes()
# in its address, so that a browser may keep it for ever
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:16]
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action {}"
)
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


def page(
    request: Request,
    name: str,
    /,
    *,
    status: int = 200,
    leads_to: Sequence[str] = (),
    **values: object,
) -> HTMLResponse:
    """Give a page with its anti-forgery token; `leads_to` are URIs that its form ends at."""
    token, is_new = csrf.token_of(request)
    text = rendered(name, csrf_token=token, style=f"/pages.css?v={STYLE_VERSION}", **values)
    answer = HTMLResponse(text, status_code=status)
    answer.headers["Content-Security-Policy"] = _POLICY.format(_form_action(leads_to))
    if is_new:
        csrf.keep(request, answer, token)
    return answer


def rendered(name: str, /, **values: object) -> str:
    return _TEMPLATES.get_template(f"{name}.html").render(**values)


def _form_action(leads_to: Sequence[str]) -> str:
    """Give where the forms may lead: browsers apply it to the redirects after them too."""
    sources = ["'self'"]
    for uri in leads_to:
        parts = urlsplit(uri)
        host = parts.netloc.partition(":")[0]
        if parts.scheme not in {"http", "https"}:
            sources.append(f"{parts.scheme}:")
        elif set(host) <= _HOST:
            sources.append(f"{parts.scheme}://{parts.netloc}")
        else:
            # an IPv6 address has no form in a policy (CSP 3 §2.3.1)
            sources.append(f"{parts.scheme}:")
    return " ".join(sources)
