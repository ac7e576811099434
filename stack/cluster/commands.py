"""The commands on a stack of the platform `cluster`, with the words and flags of a server's."""

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from components import person
from host.auth_release import status as tables
from stack import logs as log_flags
from stack import rolled_back
from stack.cluster import api, execution, history, logs, rollback, status
from stack.stack import Stack


def run(stack: Stack, arguments: argparse.Namespace) -> int:
    """Run a command of `NAMES`; return the exit status."""
    return NAMES[arguments.command](stack, arguments)


def report(stack: Stack, command: str) -> Any:
    """Return the answer to `status` or `history`, as the values of its JSON."""
    with api.opened(stack) as cluster:
        return status.of(stack, cluster) if command == "status" else history.rows(cluster)


def output_of(stack: Stack, *words: str) -> str:
    """Return the output of a command in a pod of the live release; StackError if it fails."""
    with api.opened(stack) as cluster:
        return execution.output(cluster, words)


def _status(stack: Stack, arguments: argparse.Namespace) -> int:
    from stack import overview  # noqa: PLC0415 - imports what no other command needs

    if arguments.json:
        print(json.dumps(report(stack, "status")))
        return 0
    return overview.show(stack, lambda: _print_status(stack))


def _print_status(stack: Stack) -> int:
    print("\n".join(status.lines(report(stack, "status"))), flush=True)
    return 0


def _history(stack: Stack, arguments: argparse.Namespace) -> int:
    rows = report(stack, "history")
    if arguments.json:
        print(json.dumps(rows))
    else:
        tables.print_rows([{**row, "seconds": _text(row["seconds"])} for row in rows], {})
    return 0


def _logs(stack: Stack, arguments: argparse.Namespace) -> int:
    wanted, follow = logs.query(log_flags.flags(arguments))
    with api.opened(stack) as cluster:
        logs.show(cluster, wanted, follow=follow)
    return 0


def _exec(stack: Stack, arguments: argparse.Namespace) -> int:
    with api.opened(stack) as cluster:
        return execution.run(cluster, arguments.words)


def _roll_back(stack: Stack, arguments: argparse.Namespace) -> int:
    with api.opened(stack) as cluster:
        number = int(arguments.to) if arguments.to else None
        release = rollback.run(cluster, number, by=person.current())
    if arguments.json:
        print(json.dumps(release))
    else:
        print("\n".join(rolled_back.lines(stack.name, release)))
    return 0


def _text(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.0f}"


NAMES: Mapping[str, Callable[[Stack, argparse.Namespace], int]] = {
    "status": _status,
    "history": _history,
    "logs": _logs,
    "exec": _exec,
    "rollback": _roll_back,
}
