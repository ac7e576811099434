"""The command that moves the accounts to another database: `move-database`."""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from auth.errors import SettingsError
from auth.settings import Settings
from auth.storage import left_behind, moving
from auth.storage.backends import connect
from auth.storage.database import Database

_KINDS = ("postgresql", "sqlite")


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "move-database",
        help="copy all tables into another database, check them, and leave the present database",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--to", choices=_KINDS, help="sqlite, or PostgreSQL at the JSON on stdin: url, and ca"
    )
    what.add_argument("--estimate", action="store_true", help="print the size, and change nothing")
    what.add_argument(
        "--stay", action="store_true", help="undo a move: the service starts here again"
    )
    parser.add_argument("--over", action="store_true", help="replace accounts in the target")


def run(database: Database, settings: Settings, arguments: argparse.Namespace) -> int:
    """Move, estimate or stay; return the exit status, 2 if a move was refused."""
    if arguments.stay:
        database.write_now(moving.stay)
        print("The service starts on this database again.")
        return 0
    expected = database.write_now(moving.size)
    accounts = expected.rows["accounts"]
    if arguments.estimate:
        print(f"{accounts} accounts, {expected.total} rows: about {expected.seconds} s.")
        return 0
    try:
        with _target(settings, arguments.to) as target:
            started = time.monotonic()
            moved = moving.move(
                database,
                target,
                over=arguments.over,
                now=time.time(),
                show=lambda table, rows: print(f"{table}: {rows}", flush=True),
            )
    except moving.MoveError as error:
        print(error, file=sys.stderr)
        return 2
    seconds = time.monotonic() - started
    print(f"Moved {moved['accounts']} accounts, {sum(moved.values())} rows in {seconds:.1f} s.")
    return 0


@contextlib.contextmanager
def _target(settings: Settings, kind: str) -> Iterator[Database]:
    present = make_url(settings.database_url).get_backend_name()
    if kind == present:
        raise SettingsError(f"The accounts are in {kind} already; name the other kind.")
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            url = f"sqlite:///{settings.data_dir}/{left_behind.FILE}"
        else:
            url = _url_on_stdin(Path(folder))
        target = connect(url)
        try:
            yield target
        finally:
            target.close()


def _url_on_stdin(folder: Path) -> str:
    document, url = None, None
    with contextlib.suppress(ValueError, KeyError, TypeError, ArgumentError):
        document = json.load(sys.stdin)
        url = make_url(document["url"])
    if document is None or url is None or url.get_backend_name() != "postgresql":
        raise SettingsError(
            'Standard input must be JSON with the target: {"url": "postgresql://…", "ca": "…"}.'
        ) from None
    if ca := document.get("ca"):
        file = folder / "ca.pem"
        file.write_text(ca)
        url = url.update_query_dict({"sslmode": "verify-full", "sslrootcert": str(file)})
    return url.render_as_string(hide_password=False)
