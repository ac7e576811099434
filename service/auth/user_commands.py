"""The commands that move users from and to other software: `import-users`, `export-users`."""

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Iterable

from auth.accounts import import_shapes, importing, user_lines
from auth.accounts.importing import Outcome
from auth.accounts.user_lines import Numbered, Problem
from auth.storage import accounts
from auth.storage.database import Database
from auth.telemetry import audit
from auth.telemetry.audit import Event

_BATCH = 500
_BATCHES_OF_PROGRESS = 10
_MOST_PROBLEMS = 100


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    importer = commands.add_parser(
        "import-users", help="make accounts of the users on standard input, with their hashes"
    )
    importer.add_argument("--format", choices=("json", "csv"), default="json", help="JSON lines")
    importer.add_argument(
        "--shape", choices=import_shapes.SHAPES, default="auth", help="the software of JSON lines"
    )
    importer.add_argument("--dry-run", action="store_true", help="check only, and change nothing")
    importer.add_argument(
        "--update",
        action="store_true",
        help="change existing accounts to the name, role and state of the file, not the password",
    )

    exporter = commands.add_parser(
        "export-users", help="print each account as a JSON line, which import-users reads"
    )
    exporter.add_argument(
        "--password-hashes", action="store_true", help="with the hashes: keep the file secret"
    )


def import_users(database: Database, arguments: argparse.Namespace) -> int:
    """Import standard input; return the exit status, 1 if a line was wrong."""
    source = sys.stdin.buffer
    lines = (
        user_lines.of_csv(source)
        if arguments.format == "csv"
        else user_lines.of_json(source, import_shapes.SHAPES[arguments.shape])
    )
    store = importing.try_out if arguments.dry_run else importing.store
    counts: Counter[Outcome] = Counter()
    wrong = 0
    for index, batch in enumerate(_batches(lines), 1):
        stored, problems = database.write_now(store, batch, update=arguments.update)
        counts += stored
        _report(problems, wrong)
        wrong += len(problems)
        if index % _BATCHES_OF_PROGRESS == 0:
            print(f"{index * _BATCH:,} lines", file=sys.stderr)
    _summarize(counts, wrong, dry_run=arguments.dry_run)
    return 1 if wrong else 0


def export_users(database: Database, arguments: argparse.Namespace) -> None:
    """Print the accounts, each as it is when its page is read; note first that they were read."""
    hashes = arguments.password_hashes
    detail = {"password_hashes": str(hashes).lower()}
    database.write_now(audit.add_of_command, Event.ACCOUNTS_EXPORTED, **detail)
    after = ""
    while page := database.write_now(accounts.next_by_id, after=after, limit=_BATCH):
        for account in page:
            print(user_lines.written(account, password_hash=hashes))
        after = page[-1].id


def _report(problems: Iterable[Problem], before: int) -> None:
    for number, problem in enumerate(problems, before + 1):
        if number <= _MOST_PROBLEMS:
            print(problem, file=sys.stderr)
        elif number == _MOST_PROBLEMS + 1:
            print("More lines are wrong; they are counted only.", file=sys.stderr)


def _summarize(counts: Counter[Outcome], wrong: int, *, dry_run: bool) -> None:
    create, update = ("Would create", "update") if dry_run else ("Created", "updated")
    created, there = counts[Outcome.CREATED], counts[Outcome.THERE]
    accounts_created = f"{created:,} {'account' if created == 1 else 'accounts'}"
    stay = (
        "was there already and stays as it is"
        if there == 1
        else ("were there already and stay as they are")
    )
    lines = "line is" if wrong == 1 else "lines are"
    print(
        f"{create} {accounts_created}, and {update} {counts[Outcome.UPDATED]:,}. "
        f"{there:,} {stay}. {wrong:,} {lines} wrong."
    )
    if wrong:
        again = "" if dry_run else " and import the file again: the others change nothing then"
        print(
            f"Correct {'that line' if wrong == 1 else 'those lines'}{again}. "
            "A user without password_hash sets a password with 'forgot password'.",
            file=sys.stderr,
        )


def _batches(lines: Iterable[Numbered]) -> Iterable[list[Numbered]]:
    iterator = iter(lines)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch
