"""The rendering of pages: every value is escaped, and a missing value is an error."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auth.errors import Code, ProblemError
from auth.http import cookies, csrf, languages
from auth.languages.language import Language
from auth.languages.messages import Message, counted
from auth.pages import language as language_choice

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class File:
    """A file of the pages. Its address holds its version, so browsers may keep it for ever."""

    path: str
    media_type: str
    content: bytes
    version: str

    @classmethod
    def named(cls, name: str, media_type: str) -> Self:
        return cls.of(name, media_type, (_FOLDER / "static" / name).read_bytes())

    @classmethod
    def of(cls, name: str, media_type: str, content: bytes) -> Self:
        return cls(f"/{name}", media_type, content, hashlib.sha256(content).hexdigest()[:16])

    @property
    def address(self) -> str:
        return f"{self.path}?v={self.version}"


STYLE = File.named("pages.css", "text/css")
SCRIPT = File.named("pages.js", "text/javascript")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; {connect}"
    "frame-ancestors 'none'; base-uri 'none'; form-action {forms}"
)
_FINE = 200
_UNPROCESSABLE = 422
_UNAUTHENTICATED = 401
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


def page(
    request: Request,
    name: str,
    /,
    *,
    status: int = _FINE,
    error: ProblemError | None = None,
    leads_to: Sequence[str] = (),
    takes_passkeys: bool = False,
    ui_locales: Sequence[str] = (),
    **values: object,
) -> HTMLResponse:
    """Return a page with its CSRF token; `leads_to` are URIs that its form redirects to.

    An error comes first on the page, and gives it its status and headers. A page with passkeys has
    a script that calls the API. `ui_locales` are the languages that an application asks for.
    """
    token, is_new = csrf.token_of(request)
    service = cookies.service_of(request)
    language = languages.of(request, ui_locales)
    # a page without a form or a way of its own repeats nothing of its address
    choices = language_choice.links(request, _reopening(values)) if status == _FINE else []
    text = rendered(
        name,
        language,
        languages=choices,
        csrf_token=token,
        style=STYLE.address,
        script=SCRIPT.address,
        takes_passkeys=takes_passkeys,
        error=_said(error),
        brand=request.app.state.brand,
        **values,
    )
    answer = HTMLResponse(text, status_code=status)
    languages.remember(service, answer, ui_locales)
    answer.headers["Content-Language"] = language.code
    answer.headers["Vary"] = "Accept-Language"
    answer.headers["Content-Security-Policy"] = _POLICY.format(
        connect="connect-src 'self'; " if takes_passkeys else "", forms=_form_action(leads_to)
    )
    if error is not None:
        _refuse(answer, error)
    if is_new:
        csrf.keep(request, answer, token)
    return answer


def _reopening(values: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters with which the page of a form is opened again."""
    return {name: str(values[name]) for name in ("next", "fresh", "token") if values.get(name)}


def _said(error: ProblemError | None) -> Message | None:
    """Return the text of an error on a page, None without an error."""
    if error is None:
        return None
    seconds = (error.headers or {}).get("Retry-After")
    if error.code is Code.RATE_LIMITED and seconds:
        return counted(
            "Too many attempts. Try again in %(n)s second.",
            "Too many attempts. Try again in %(n)s seconds.",
            int(seconds),
        )
    return error.text


def _refuse(answer: Response, error: ProblemError) -> None:
    # a 401 names a scheme, for which the browser would open a window of its own
    status = error.code.status
    answer.status_code = _UNPROCESSABLE if status == _UNAUTHENTICATED else status
    answer.headers.update(error.headers or {})
    if "WWW-Authenticate" in answer.headers:
        del answer.headers["WWW-Authenticate"]


def rendered(name: str, language: Language, /, **values: object) -> str:
    template = _templates(language).get_template(f"{name}.html")
    return template.render(language=language, **values)


@cache
def _templates(language: Language) -> Environment:
    """Return the templates in a language: texts of templates, and messages of other modules."""

    def translated(value: object) -> object:
        return language.text(value) if isinstance(value, Message) else value

    templates = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=translated,
    )
    templates.policies["ext.i18n.trimmed"] = True
    templates.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]
    templates.filters["moment"] = lambda seconds: datetime.fromtimestamp(seconds, UTC)
    templates.filters["translated"] = translated
    templates.filters["shown"] = language.moment
    templates.filters["date"] = lambda text: language.date(datetime.fromisoformat(text))
    return templates


def _form_action(leads_to: Sequence[str]) -> str:
    """Return the allowed targets of forms, which browsers also apply to redirects after them."""
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
