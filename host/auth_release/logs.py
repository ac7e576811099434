"""The log of a service: the lines of all its releases, and the proxy's lines about it.

Docker writes the lines of containers into the journal, which outlives them. The label
`auth.service` is a field of each line there.
"""

import argparse
import contextlib
import heapq
import itertools
import json
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import moments, proxy_log, proxy_program
from .containers import Docker, name_of
from .errors import ReleaseError
from .failures import visible
from .programs import run

_REQUEST = re.compile(r"[A-Za-z0-9._-]{8,64}")  # the ids that the service takes from callers
_MOST_LINES = 100_000
_DRIVER = "journald"
# reads the containers' lines while Docker is stopped: host/provision.sh
_WITHOUT_DOCKER = "auth-logs.service"
# the second serves while a new Caddy takes over
_PROXIES = (proxy_program.UNIT, proxy_program.SECOND)
OF_PROXY = tuple(f"_SYSTEMD_UNIT={unit}" for unit in _PROXIES)  # matches of its entries
_PERIOD = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# sequences that steer a terminal: ECMA-48, section 5.4
_STEERING = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True, kw_only=True)
class Query:
    """The lines to show: the newest `lines` of those that fit.

    `since` is in seconds since 1970, or None. `pattern` is a regular expression, and `request` the
    id of a request; empty: every line fits.
    """

    lines: int
    since: float | None = None
    pattern: str = ""
    request: str = ""

    def fits(self, line: "Line") -> bool:
        return self.request in line.text and bool(re.search(self.pattern, line.text))


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log; `at` is in seconds since 1970, `cursor` its place in the journal."""

    at: float
    source: str
    text: str
    cursor: str = ""

    def __str__(self) -> str:
        return f"{self.source} | {self.shown()}"

    def shown(self) -> str:
        """Return the text without sequences and characters that steer a terminal."""
        return visible(_STEERING.sub("", self.text))


def add_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags of `logs`, which refuse values that can't be meant."""
    command.add_argument("--lines", type=_lines, default=100)
    command.add_argument("--since", type=_since, help="a moment in UTC, or a period such as 2h")
    command.add_argument("--grep", type=_pattern, default="", help="a regular expression")
    command.add_argument("--request", type=_request, help="id of a request")
    command.add_argument("--follow", action="store_true", help="show later lines as well")


def _lines(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_LINES):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_LINES}")
    return int(text)


def _since(text: str) -> float:
    """Return the seconds since 1970 of a moment, or of the begin of a period until now."""
    if match := _PERIOD.fullmatch(text):
        return time.time() - int(match[1]) * _UNITS[match[2]]
    try:
        return moments.seconds(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a moment in UTC, or a period such as 2h"
        ) from None


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None
    return text


def _request(text: str) -> str:
    if not _REQUEST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the id of a request")
    return text


def show(service: str, query: Query, *, follow: bool) -> None:
    """Print the lines of a service that fit; with `follow`, later lines as well.

    It ends when nobody reads the output any more.
    """
    end = _end_of_journal() if follow else ""
    since = [] if query.since is None else [f"--since=@{query.since:.0f}"]
    with contextlib.ExitStack() as stack:
        readers = [
            stack.enter_context(journal(matches, "--reverse", *since, *grep))
            for matches, grep in _searches(service, query)
        ]
        lines_of = [_parsed(reader, service, query) for reader in readers]
        newest_first = heapq.merge(*lines_of, key=lambda line: -line.at)
        newest = list(itertools.islice(newest_first, query.lines))
    cursor = next((line.cursor for line in newest), end)
    lines = [*_outside_of_journal(service, query), *reversed(newest)]
    for line in sorted(lines, key=lambda line: line.at)[-query.lines :]:
        print(line)
    sys.stdout.flush()
    if follow:
        # after the newest line, so that none is missing; journalctl takes no moment beside a place
        begin = ["--after-cursor", cursor, "--no-tail"] if cursor else ["--lines", "0"]
        everything = [*of_containers(service), "+", *OF_PROXY]
        with journal(everything, "--follow", *begin) as process:
            _end_with_reader(process)
            for line in _parsed(process, service, query):
                print(line, flush=True)


def _end_of_journal() -> str:
    """Return the place after the newest entry of the journal; empty for an empty journal."""
    newest = run("journalctl", "--quiet", "--no-pager", "--lines=1", "--output=json")
    return str(json.loads(newest)["__CURSOR"]) if newest.strip() else ""


def _outside_of_journal(service: str, query: Query) -> Iterator[Line]:
    """Return the lines of containers that began when Docker wrote logs to files of its own.

    They can't be read while Docker is stopped.
    """
    containers = []
    with contextlib.suppress(ReleaseError):
        containers = Docker().labelled(service)
    for inspected in containers:
        if inspected["HostConfig"]["LogConfig"]["Type"] == _DRIVER:
            continue
        name = name_of(inspected)
        for at, text in Docker().timed_logs(name, since=query.since):
            line = Line(at=at, source=name, text=text)
            if query.fits(line):
                yield line


def _searches(service: str, query: Query) -> list[tuple[Sequence[str], Sequence[str]]]:
    """Return the searches of the journal: the entries, and the flags for the text of each.

    The journal itself looks for the pattern in the lines of containers, which is fast. The proxy's
    lines are shown in another form than they have in the journal, so their form is searched here.
    """
    request = _grep(re.escape(query.request))
    if not query.pattern:
        return [([*of_containers(service), "+", *OF_PROXY], request)]
    both = query.pattern
    if query.request:
        # anchored, as a search from each place of a line would take seconds
        both = rf"\A(?=[\s\S]*(?:{query.pattern}))(?=[\s\S]*{re.escape(query.request)})"
    return [(of_containers(service), _grep(both)), (OF_PROXY, request)]


def _grep(pattern: str) -> list[str]:
    return [f"--grep={pattern}", "--case-sensitive=true"] if pattern else []


def of_containers(service: str) -> list[str]:
    """Return the matches of the entries that containers may have written."""
    by_label = (f"AUTH_SERVICE={service}", "+", f"AUTH_HOOK={service}")
    return [*by_label, "+", f"_SYSTEMD_UNIT={_WITHOUT_DOCKER}"]


@contextlib.contextmanager
def journal(matches: Sequence[str], *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """Read entries of the journal; yield the process that does it."""
    with subprocess.Popen(
        ("journalctl", "--quiet", "--no-pager", "--all", "--output=json", *flags, *matches),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _parsed(process: subprocess.Popen[bytes], service: str, query: Query) -> Iterator[Line]:
    """Parse the fitting entries about a service; raise ReleaseError for an unreadable journal."""
    for entry in process.stdout or ():
        line = read(json.loads(entry), [service])
        if line and query.fits(line):
            yield line
    check_end(process)


def check_end(process: subprocess.Popen[bytes]) -> None:
    """Raise ReleaseError if a process that was read to its end could not read the journal."""
    message = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    if process.wait() > 0 and message:
        raise ReleaseError(f"the journal can't be read: {message}")


def read(entry: Mapping[str, Any], services: Collection[str]) -> Line | None:
    """Return the line of an entry; None for an entry that is about none of the services."""
    unit, message = entry.get("_SYSTEMD_UNIT"), _text(entry.get("MESSAGE"))
    if unit in _PROXIES:
        source, text = "proxy", proxy_log.shown(message, services)
    elif unit == _WITHOUT_DOCKER:
        source = _text(entry.get("SYSLOG_IDENTIFIER"))
        container = re.fullmatch(r"(.+)-[0-9]+", source)
        text = message if container and container[1] in services else None
    else:
        source, text = _text(entry.get("CONTAINER_NAME")), message
    if text is None:
        return None
    at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
    return Line(at=at, source=source, text=text, cursor=entry["__CURSOR"])


def _text(value: object) -> str:
    """Return the text of a field, which is a list of bytes if it has control characters."""
    return bytes(value).decode(errors="replace") if isinstance(value, list) else str(value or "")


def _end_with_reader(process: subprocess.Popen[bytes]) -> None:
    """End a process as soon as nobody reads this process's output: an SSH client that left."""

    def wait() -> None:
        gone = select.poll()
        gone.register(sys.stdout, 0)  # reports errors alone
        gone.poll()
        process.kill()

    threading.Thread(target=wait, daemon=True).start()
