"""The lines of an image's build that failed, from the engine's event log.

The official docker plugin ends such a build with an exit code alone. The build's lines went to the
engine as passing messages, which a terminal draws over and a log leaves out.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stack import engine_log

_IMAGE = "docker:index/image:Image"
_LINES = 30
_COLUMNS = 300
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STEP = re.compile(r"\[(?!internal\])[^\]]+\] ")  # as BuildKit names a step: `[2/5] RUN …`


def of_failed(log: bytes) -> str:
    """Return the last lines of each image's build that failed; empty without a failed build.

    The error of our stand-in has them already, so that they are not repeated.
    """
    messages: dict[str, list[str]] = {}
    errors: dict[str, str] = {}
    for event in _diagnostics(log):
        urn, text = event.get("urn", ""), event.get("message", "")
        if f"::{_IMAGE}::" not in urn and f"${_IMAGE}::" not in urn:
            continue
        if event.get("severity") == "error":
            errors[urn] = text
        elif event.get("ephemeral"):
            messages.setdefault(urn, []).append(text)
    parts = []
    for urn, error in errors.items():
        lines = _printed(messages.get(urn, []))
        if lines and "\n" not in error.strip():
            title = f"The build of {urn.rpartition('::')[2]} failed. Its last lines:\n"
            parts.append(title + "".join(f"    {line}\n" for line in lines))
    return "\n".join(parts)


def _diagnostics(log: bytes) -> Iterator[Mapping[str, Any]]:
    for event in engine_log.events(log):
        if diagnostic := event.get("diagnosticEvent"):
            yield diagnostic


def _printed(messages: list[str]) -> list[str]:
    """Return the last lines that the build printed, each step's name before them once."""
    text, steps = "", set()
    for message in messages:
        if not message.startswith("digest: "):
            text += message
            continue
        # the state of some steps, in many messages
        for line in message.splitlines():
            if _STEP.match(line) and line not in steps:
                steps.add(line)
                text += f"{line}\n"
    lines = [line for line in map(_shown, text.splitlines()) if line]
    return lines[-_LINES:]


def _shown(line: str) -> str:
    line = _ESCAPE.sub("", line).replace("\t", " ")
    return "".join(filter(str.isprintable, line)).rstrip()[:_COLUMNS]
