"""Requests to upstreams: to the configured addresses alone, bounded in time and size."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

_SECONDS = 5.0
_MOST_BYTES = 256 << 10
_PIECE = 16 << 10
_OK = 200
_HEADERS = {"Accept": "application/json", "User-Agent": "auth"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ERROR = re.compile(r"[a-z_]{1,40}")


class UpstreamError(Exception):
    """The upstream gave no usable answer; the text is for the log, and holds nothing of users."""


def fetch(
    url: str, *, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
) -> Any:
    """Return the JSON of an answer, in this thread; with a form, send it by POST.

    Neither a redirect nor a proxy of the environment is followed. Raise UpstreamError.
    """
    import urllib3  # noqa: PLC0415 - slow, and most services have no upstream

    until = time.monotonic() + _SECONDS
    content, host = b"", url.split("/")[2]
    try:
        with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=_SECONDS)) as pool:
            answer = pool.request(
                "GET" if form is None else "POST",
                url,
                body=None if form is None else urlencode(form),
                headers={**_HEADERS, **({} if form is None else _FORM), **(headers or {})},
                redirect=False,
                preload_content=False,
            )
            # the timeout counts from piece to piece
            for piece in answer.stream(_PIECE):
                content += piece
                if len(content) > _MOST_BYTES or time.monotonic() > until:
                    raise UpstreamError(f"{host} answers too much, or too slowly")
    except urllib3.exceptions.HTTPError as error:
        raise UpstreamError(f"{host} gives no answer: {type(error).__name__}") from None
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        parsed = None
    # GitHub reports errors with the status 200
    error_code = parsed.get("error") if isinstance(parsed, dict) else None
    if answer.status != _OK or error_code is not None:
        known = isinstance(error_code, str) and _ERROR.fullmatch(error_code)
        raise UpstreamError(f"{host} answers {answer.status}{f' {error_code}' if known else ''}")
    if parsed is None:
        raise UpstreamError(f"{host} answers no JSON")
    return parsed


def fetch_object(url: str, **request: Any) -> dict[str, Any]:
    """Return the JSON object of an answer, as `fetch` does."""
    answer = fetch(url, **request)
    if not isinstance(answer, dict):
        raise UpstreamError(f"{url.split('/')[2]} answers no JSON object")
    return answer
