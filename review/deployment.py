"""The report of a deployment: its URLs tried, outputs for later steps, a note for people."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from review import commits
from review.errors import ReviewError
from review.markdown import Block, code, folded, text
from review.provenance import parts
from stack import platforms
from stack.errors import StackError
from stack.stack import Stack

_SECONDS = 60  # a certificate of a new domain takes a while
_NOTE = 20_000


def smoke(outputs: Mapping[str, Any]) -> list[str]:
    """Try the URLs among a stack's outputs; return a line for each, or raise ReviewError."""
    lines = []
    deadline = time.monotonic() + _SECONDS
    for name in ("healthUrl", "jwksUrl"):
        url = str(outputs.get(name, ""))
        answer = _answer(url, deadline)
        lines.append(
            f"{url} answers {answer.status_code} in {answer.elapsed.total_seconds():.2f} s"
        )
    if not answer.json().get("keys"):
        raise ReviewError(f"{url} has no key: no access token of this service could be checked")
    return lines


def outputs(stack: Stack) -> dict[str, str]:
    """Return the outputs for later steps of a workflow: the URL, and the image to attest."""
    values = stack.outputs()
    return {
        "url": str(values.get("url", "")),
        **parts(str(values.get("image", ""))),
        "release": str(values.get("release", "")),
    }


def note(clone: Path, stack: Stack) -> str:
    """Return the note on the release, for the summary of the job."""
    values = outputs(stack)
    live, before = _last_two(stack)
    lines = [
        f"### {code(stack.name)}: release {values['release']} is live",
        "",
        f"- URL: {values['url']}",
        f"- Image: {code(values['image'])} {code(values['digest'][:19])}",
    ]
    if live:
        lines.append(f"- Released in {live['seconds']} s, at {live['at']}, by {text(live['by'])}")
    if live and before:
        changes = commits.between(clone, before["revision"], live["revision"])
        listed = [
            f"{commit.short}  {commit.subject}  ({commit.author})" for commit in changes.listed
        ]
        if listed:
            title = f"{len(listed)} commits since release {before['release']}"
            body = folded(title, [Block(lines=listed, language="text")], _NOTE)
            return "\n".join([*lines, "", body])
    return "\n".join([*lines, ""])


def _last_two(stack: Stack) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    try:
        history = platforms.report(stack, "history")
    except StackError:
        return None, None
    good = [record for record in history if record["outcome"] in {"live", "replaced"}]
    return (good[0] if good else None), (good[1] if len(good) > 1 else None)


def _answer(url: str, deadline: float) -> httpx.Response:
    if not url:
        raise ReviewError("The stack has no URL in its outputs. Is it up? Make it: make up")
    last = ""
    while True:
        try:
            answer = httpx.get(url, timeout=10, follow_redirects=False)
        except httpx.HTTPError as error:
            last = str(error) or type(error).__name__
        else:
            if answer.status_code == HTTPStatus.OK:
                return answer
            last = f"HTTP {answer.status_code}"
        if time.monotonic() > deadline:
            raise ReviewError(
                f"{url} did not answer 200 within {_SECONDS} s; last: {last}. "
                "See `make status` and `make logs`; `make rollback` goes back."
            )
        time.sleep(1)
