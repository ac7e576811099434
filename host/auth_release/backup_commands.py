"""The commands for backups: `auth-release backup`, `backups`, `proof` and `restore`."""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import backup as continuous
from . import copies, moments, proof
from .backup import Backup
from .callers import Caller
from .copies import Copy
from .failures import visible
from .progress import Progress

# the commands' work, as their failures name it
WORK = {
    "backup": "Backup",
    "backups": "The list of copies",
    "configure-backup": "Backup",
    "proof": "The proof of a copy",
    "restore": "Restore",
}
_COLUMNS = ("name", "newest data", "age", "size", "content", "last proof")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def add_parsers(commands: Any, service: Callable[[str], str]) -> None:
    """Add the commands' parsers; `service` checks the name of a service."""
    commands.add_parser("configure-backup", help="put the backup's settings on stdin in force")
    for name, text in (
        ("backup", "put a whole copy of the database into the bucket"),
        ("backups", "list the copies in the bucket, the newest last"),
        ("proof", "fetch a copy and check it, without a restore"),
        ("restore", "put the database of an earlier moment in place"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("service", type=service)
        if name == "backup":
            command.add_argument("--name", default="", help="of the copy; default: its time")
        if name == "proof":
            command.add_argument("--at", default="", help="as for restore; default: the newest")
        if name == "restore":
            command.add_argument("--at", required=True, help="name of a copy, or a moment in UTC")
            command.add_argument("--over", action="store_true", help="replace newer data, too")
        if name != "restore":
            command.add_argument("--json", action="store_true", help="print JSON")


def back_up(arguments: argparse.Namespace, caller: Caller) -> int:
    """Take a whole copy, and print its place."""
    backup = Backup.of(arguments.service)
    with copies.alone(arguments.service, "backup"):
        continuous.start(backup)  # an interrupted restore may have stopped it
        copy = copies.take(backup, arguments.name, by=str(caller))
    if arguments.json:
        print(json.dumps({**vars(copy), "bucket": backup.bucket, "prefix": backup.prefix}))
        return 0
    print(
        f"Copy {copy.name}: {_size(copy.size)}, {_content(copy)}, in "
        f"{backup.bucket}/{backup.prefix}/copies."
    )
    return 0


def prove(arguments: argparse.Namespace, progress: Progress) -> int:
    """Fetch a copy and check it, and print the result."""
    with copies.alone(arguments.service, "proof"):
        report = proof.prove(Backup.of(arguments.service), arguments.at, progress)
    if arguments.json:
        print(json.dumps(report))
        return 0
    rows = ", ".join(f"{count} {table}" for table, count in report["rows"].items())
    print(
        f"The copy {report['copy']}, with the data of {report['moment']}, is whole: {rows}, after "
        f"{report['seconds']} s."
    )
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Print the copies in the bucket."""
    backup = Backup.of(arguments.service)
    listed = copies.listed(backup)
    if arguments.json:
        print(json.dumps([vars(copy) for copy in listed]))
        return 0
    now = time.time()
    table = [_COLUMNS, *(_row(copy, now) for copy in listed)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_COLUMNS))]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(visible("  ".join(cells).rstrip()))
    return 0


def status_lines(state: Mapping[str, Any] | None) -> Sequence[str]:
    """Describe the continuous copy for people, in a line; nothing without a backup."""
    if state is None:
        return []
    if state["problem"]:
        return [f"  backup   {state['problem']}; see: journalctl -u {state['unit']}"]
    return [f"  backup   copied {max(0, state['age_seconds'])} s ago, to {state['bucket']}"]


def _row(copy: Copy, now: float) -> tuple[str, ...]:
    age = now - moments.seconds(copy.end)
    return (
        copy.name,
        copy.end,
        _age(age),
        _size(copy.size),
        _content(copy),
        copy.proof or "never",
    )


def _content(copy: Copy) -> str:
    if copy.problem:
        return copy.problem
    if copy.is_timeline:
        return f"each moment since {copy.begin}"
    return ", ".join(f"{count} {table}" for table, count in copy.rows.items())


def _age(seconds: float) -> str:
    seconds = max(0, int(seconds))
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return "0 s"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"  # noqa: PLR2004
