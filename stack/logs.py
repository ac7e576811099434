"""The flags of `make logs`: which lines of the service's log are shown."""

import argparse
import re

from common.progress import StepError
from components import advice

_MOST_LINES = 100_000
_SINCE = re.compile(r"[1-9][0-9]{0,4}[smhd]|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_REQUEST = re.compile(r"[A-Za-z0-9._-]{8,64}")


def add_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("--lines", default="", help="number of lines; default: 100")
    command.add_argument("--since", default="", help="a moment in UTC, or a period such as 2h")
    command.add_argument("--grep", default="", help="a regular expression")
    command.add_argument("--request", default="", help="id of a request")
    command.add_argument("--follow", action="store_true", help="show later lines as well")


def flags(arguments: argparse.Namespace) -> list[str]:
    """Return the flags for the release tool; raise StepError for a value that can't be meant."""
    lines, since, request = arguments.lines, arguments.since, arguments.request
    if lines and not (re.fullmatch("[0-9]{1,6}", lines) and 0 < int(lines) <= _MOST_LINES):
        raise StepError(f"LINES is {lines!r}; it must be a number from 1 to {_MOST_LINES}.")
    if since and not _SINCE.fullmatch(since):
        example = advice.make("logs SINCE=2026-11-27T03:10:00Z", arguments.stack)
        raise StepError(
            f"SINCE is {since!r}; it must be a period such as 30m, 2h or 7d, or a moment in UTC: "
            f"{example}"
        )
    if request and not _REQUEST.fullmatch(request):
        raise StepError(
            f"REQUEST is {request!r}; it must be the id of a request, as the header X-Request-Id "
            "of its answer has it."
        )
    try:
        re.compile(arguments.grep)
    except re.error as error:
        raise StepError(
            f"GREP is {arguments.grep!r}; it must be a regular expression: {error}."
        ) from None
    values = {
        "--lines": lines,
        "--since": since,
        "--grep": arguments.grep,
        "--request": request,
    }
    # `=`, since a pattern may begin with a hyphen
    chosen = [f"{flag}={value}" for flag, value in values.items() if value]
    return [*chosen, *(["--follow"] if arguments.follow else [])]
