"""Backups of a stack, from this machine: the commands, their results, and the last copy."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from common.progress import step
from components import advice
from stack import alarms, ssh
from stack.errors import StackError

if TYPE_CHECKING:
    from stack.stack import Stack

_VM = "oci:Core/instance:Instance"
_SECONDS = 3600  # for a whole copy


def restore(stack: "Stack", *, at: str, over: bool) -> int:
    """Restore the database of an earlier moment, and show the result in sentences."""
    flags = ["--over"] if over else []
    command = ssh.release_tool("restore", "--at", at, *flags)
    with alarms.quiet(stack, "restore"):
        status, printed = ssh.result(stack, *command, stdin="")
    if status != 0:
        print(printed, end="")
        return status
    print("\n".join(described(json.loads(printed), stack.name)))
    return 0


def refuse_postgresql(stack: "Stack", command: str) -> None:
    """Raise StackError for a command on copies, if the accounts are in PostgreSQL."""
    if is_postgresql(stack):
        raise StackError(
            f"auth:database is postgresql: the accounts of {stack.name} are on a server whose own "
            f"backups have them. `{command}` is for SQLite. Nothing was changed."
        )


def is_postgresql(stack: "Stack") -> bool:
    return bool(stack.configuration.written().get("auth:database") == "postgresql")


def described(report: Mapping[str, Any], stack: str) -> list[str]:
    """Return the lines for people about a restore, from the release tool's report."""
    before = report["rows_before"]
    lines = [
        f"The database of {report['moment']} is in place, after {report['seconds']} s.",
        f"  copy      {report['copy']}",
        f"  content   {_counted(report['rows'])}",
    ]
    if before is not None:
        lines.append(f"  before    {_counted(before)}")
    if report["kept"]:
        lines.append(f"  kept      the former database, in {report['kept']} on the server")
    lines.append(f"`{advice.make('status', stack)}` shows the release and the age of the new copy.")
    return lines


def take_last(stack: "Stack", resources: Sequence[Mapping[str, Any]], *, without: bool) -> None:
    """Take a last copy before the data volume goes, and print its place.

    Nothing is done for a stack without a backup, or without a VM. A failure stops the caller,
    unless the operator agreed to go on `without` a copy.
    """
    bucket = stack.configuration.values().get("auth:backupBucket", "")
    if not bucket or not any(resource["type"] == _VM for resource in resources):
        return
    if is_postgresql(stack):
        print("The accounts stay on the PostgreSQL server; no copy is taken.", file=sys.stderr)
        return
    if without:
        print("No last copy is taken, as NOCOPY says.", file=sys.stderr)
        return
    name = time.strftime("last-%Y%m%d-%H%M%S", time.gmtime())
    try:
        with step(f"Take a last copy of the database, into the bucket {bucket}"):
            command = ssh.release_tool("backup", "--name", name, "--json")
            text = ssh.ask(stack, *command, seconds=_SECONDS)
        copy = json.loads(text)
    except (StackError, ValueError) as error:
        again = advice.make(f"down CONFIRM={stack.name} NOCOPY=1", stack.name)
        raise StackError(
            f"There is no last copy of the database: {error}. Nothing was deleted. To delete it "
            f"without a copy: {again}"
        ) from None
    print(
        f"The last copy of the database ({_counted(copy['rows'])}) is {copy['name']}, in "
        f"{copy['bucket']}/{copy['prefix']}/copies. A new stack of this name takes it over: "
        f"{advice.make(f'restore AT={name}', stack.name)}",
        file=sys.stderr,
    )


def _counted(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in rows.items()) or "unreadable"
