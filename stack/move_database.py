"""`make move-database`: the accounts move to PostgreSQL or back, while the site is in maintenance.

The service's own command copies and checks them; a release on the other database follows. After a
failure the stack is as it was, and the command can be repeated.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from common.command_line import Stopped
from common.progress import step
from components import advice
from components.database import PUBLIC_CAS
from settings import database
from settings.database import POSTGRESQL, SQLITE
from stack import former_platform, ssh
from stack.errors import StackError

if TYPE_CHECKING:
    from stack.stack import Stack

KINDS = (POSTGRESQL, SQLITE)
_DATABASE, _URL, _CA = "auth:database", "auth:databaseUrl", "auth:databaseCa"
_SYSTEM = "auth:databaseSystem"
_COMPONENT = "auth:postgresql:Postgresql"
_MAINTENANCE = "auth:maintenance"
_COMMAND = ("exec", "--", "python", "-m", "auth", "move-database")
_SERVER_FIRST = (
    "auth:databaseUrl is not set, so Oracle makes a PostgreSQL server first, in about 20 minutes, "
    "with the site open. {} lists its cost then."
)
_SECONDS = 3600  # for the copy
_RELEASES_SECONDS = 40  # of maintenance, for the releases before and after the copy


def run(stack: "Stack", to: str, *, agreed: bool, over: bool) -> int:
    """Move the accounts to the database of a kind; without `agreed`, print the expected time only.

    Raise StackError if they did not move; then the live release serves from where it did.
    """
    values = stack.configuration.values()
    by_oracle = not values.get(_URL, "").strip()
    _refuse(values, to, stack.name)
    if former := former_platform.former(stack, stack.resources()):
        raise StackError(
            f"The {former} of before still serves the accounts too, and would not follow. Nothing "
            f"was changed. First: {advice.make('retire', stack.name)}"
        )
    estimate = ssh.ask(stack, *ssh.release_tool(*_COMMAND, "--estimate")).strip()
    if by_oracle and to == POSTGRESQL and values.get(_SYSTEM) != "true":
        print(_SERVER_FIRST.format(advice.make("cost", stack.name)), flush=True)
    print(
        f"The database has {estimate}\nThe site answers 503 meanwhile, and for about "
        f"{_RELEASES_SECONDS} s of two releases around it. They also make each other pending "
        f"change of this clone: {advice.make('preview', stack.name)} shows them.",
        flush=True,
    )
    if not agreed:
        print(f"To begin: {advice.make(f'move-database TO={to} YES=1', stack.name)}")
        return 0
    target = ""
    if by_oracle:
        # kept in both directions: the former database stays, and has the accounts of the move
        stack.configuration.set_value(_SYSTEM, "true")
    if to == POSTGRESQL:
        target = _servers_target(stack) if by_oracle else _target(values)
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


def _refuse(values: Mapping[str, str], to: str, stack: str) -> None:
    """Raise StackError for a move that can't be meant, or to a URL that breaks a rule."""
    present = values.get(_DATABASE, SQLITE)
    if to == present:
        raise StackError(f"auth:database is {present} already. Nothing was changed.")
    url = values.get(_URL, "").strip()
    if to == POSTGRESQL and url and (rule := database.broken_rule(url)):
        raise StackError(
            f"auth:databaseUrl {rule}. Set it: "
            f"{advice.of_stack('pulumi config set', stack)} --secret {_URL} < FILE; then again "
            f"{advice.make(f'move-database TO={to}', stack)}"
        )


def _target(values: Mapping[str, str]) -> str:
    """Return a server of yours for the service's command, which takes it on stdin."""
    url = database.verified(values[_URL].strip(), PUBLIC_CAS)
    return json.dumps({"url": url, "ca": values.get(_CA, "")})


def _servers_target(stack: "Stack") -> str:
    """Let Oracle make the server, while the site is open, and return it for the command."""
    stack.configuration.make_keys()
    stack.up()
    state = json.loads(stack.pulumi.read("stack", "export", "--show-secrets"))
    for resource in state["deployment"]["resources"]:
        if resource["type"] == _COMPONENT:
            outputs = {name: _plain(value) for name, value in resource["outputs"].items()}
            return json.dumps({"url": outputs["url"], "ca": outputs["ca"]})
    raise StackError(
        "The state has no PostgreSQL server after the update that makes it, so the accounts stay. "
        f"{advice.make('preview', stack.name)} shows whether the server is planned."
    )


def _plain(value: Any) -> Any:
    """Return a value of the state; a secret has its text as JSON."""
    return json.loads(value["plaintext"]) if isinstance(value, dict) else value


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
        end = advice.of_stack("pulumi config rm auth:maintenance", stack.name)
        print(
            f"auth:maintenance was true before, and stays so. To open the site: {end}, then "
            f"{advice.make('up', stack.name)}"
        )
        return
    stack.configuration.set_value(_MAINTENANCE, "false")
