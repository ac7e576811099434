"""`make move-database`: the accounts move to PostgreSQL or back, while the site is in maintenance.

The service's own command copies and checks them; a release on the other database follows. After a
failure the stack is as it was, and the command can be repeated.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from common.command_line import Stopped
from common.progress import step
from components import advice
from components.database import PUBLIC_CAS
from settings import database
from settings.database import POSTGRESQL, SQLITE
from stack import ssh
from stack.errors import StackError

if TYPE_CHECKING:
    from stack.stack import Stack

KINDS = (POSTGRESQL, SQLITE)
_DATABASE, _URL, _CA = "auth:database", "auth:databaseUrl", "auth:databaseCa"
_MAINTENANCE = "auth:maintenance"
_COMMAND = ("exec", "--", "python", "-m", "auth", "move-database")
_SECONDS = 3600  # for the copy
_RELEASES_SECONDS = 40  # of maintenance, for the releases before and after the copy


def run(stack: "Stack", to: str, *, agreed: bool, over: bool) -> int:
    """Move the accounts to the database of a kind; without `agreed`, print the expected time only.

    Raise StackError if they did not move; then the live release serves from where it did.
    """
    values = stack.configuration.values()
    target = _target(values, to, stack.name)
    estimate = ssh.ask(stack, *ssh.release_tool(*_COMMAND, "--estimate")).strip()
    print(
        f"The database has {estimate}\nThe site answers 503 meanwhile, and for about "
        f"{_RELEASES_SECONDS} s of two releases around it. They also make each other pending "
        f"change of this clone: {advice.make('preview', stack.name)} shows them.",
        flush=True,
    )
    if not agreed:
        print(f"To begin: {advice.make(f'move-database TO={to} YES=1', stack.name)}")
        return 0
    with _in_maintenance(stack, to, values):
        with step(f"Copy all tables to {to}, and check each"):
            flags = ["--to", to, *(["--over"] if over else [])]
            command = ssh.release_tool(*_COMMAND, *flags)
            moved = ssh.ask(stack, *command, seconds=_SECONDS, stdin=target)
        print(moved, end="", flush=True)
        _configure(stack, to, values)
        try:
            stack.up()
        except StackError:
            _go_back(stack, values)
            raise
    print(f"The accounts are in {to}. The former database keeps its copy, and serves no more.")
    return 0


def _target(values: Mapping[str, str], to: str, stack: str) -> str:
    """Return the target for the service's command, which takes PostgreSQL's on stdin."""
    present = values.get(_DATABASE, SQLITE)
    if to == present:
        raise StackError(f"auth:database is {present} already. Nothing was changed.")
    if to == SQLITE:
        return ""
    url = values.get(_URL, "").strip()
    rule = database.broken_rule(url) if url else f"is not set; it looks like {database.FORM}"
    if rule:
        raise StackError(
            f"auth:databaseUrl {rule}. Set it: "
            f"{advice.config('pulumi config set', stack)} --secret {_URL} < FILE; then again "
            f"{advice.make(f'move-database TO={to}', stack)}"
        )
    return json.dumps({"url": database.verified(url, PUBLIC_CAS), "ca": values.get(_CA, "")})


@contextlib.contextmanager
def _in_maintenance(stack: "Stack", to: str, values: Mapping[str, str]) -> Iterator[None]:
    """Close the site for the block, by a release; a failure in it opens the site by another.

    The block's own last release opens the site, so the key is set back before that. A stop sets
    the key back as well, and leaves the release to the next run.
    """
    stack.configuration.set_value(_MAINTENANCE, "true")
    try:
        stack.up()
        yield
    except KeyboardInterrupt:
        _open(stack, values)
        raise Stopped(
            f"The site may be in maintenance: {advice.make('up', stack.name)} opens it, and "
            f"{advice.make('status', stack.name)} shows it. To move the accounts, also if some are "
            f"in {to} already: {advice.make(f'move-database TO={to} YES=1 OVER=yes', stack.name)}"
        ) from None
    except StackError:
        _open(stack, values)
        stack.up()
        raise


def _configure(stack: "Stack", to: str, values: Mapping[str, str]) -> None:
    stack.configuration.set_value(_DATABASE, to)
    if to == SQLITE:
        for key in (_URL, _CA):
            if key in values:
                stack.configuration.unset_value(key)
    _open(stack, values)


def _go_back(stack: "Stack", values: Mapping[str, str]) -> None:
    """Configure the former database again, and let the service start on it."""
    stack.configuration.set_value(_DATABASE, values.get(_DATABASE, SQLITE))
    if _URL in values:
        stack.configuration.set_secret("databaseUrl", values[_URL])
    if _CA in values:
        # by stdin: it begins with dashes, as a flag does
        stack.configuration.pulumi.run("config", "set", _CA, stdin=values[_CA])
    ssh.ask(stack, *ssh.release_tool(*_COMMAND, "--stay"))


def _open(stack: "Stack", values: Mapping[str, str]) -> None:
    """Configure maintenance as it was, which another run may have left on."""
    if values.get(_MAINTENANCE) == "true":
        end = advice.config("pulumi config rm auth:maintenance", stack.name)
        print(
            f"auth:maintenance was true before, and stays so. To open the site: {end}, then "
            f"{advice.make('up', stack.name)}"
        )
        return
    stack.configuration.set_value(_MAINTENANCE, "false")
