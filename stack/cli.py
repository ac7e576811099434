"""The commands behind the Makefile: `python3 -m stack COMMAND`."""

import argparse
import contextlib
import dataclasses
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from common import command_line, interruption
from common.clone import CLONE
from common.progress import StepError
from components import advice
from stack import logs, names
from stack.names import LOCAL
from toolchain import venv

if TYPE_CHECKING:
    from stack.stack import Stack

_KEYS = ("ssh", "host", "signing", "registry", "api")  # as stack/rotation.py has them
_DATABASES = ("postgresql", "sqlite")  # as stack/move_database.py has them
_ON_COPIES = ("backup", "backups", "proof", "restore")  # of SQLite
# as stack/cluster/commands.py has them
_ON_CLUSTERS = ("status", "history", "logs", "exec", "rollback")
_ALARMS = ("alarms", "alerts", "silence")
_VALUES = {  # the flag of a command that takes a single value, and its destination and help
    "bucket": ("--profile", "profile", "administrator in ~/.oci/config"),
    "silence": ("--for", "duration", "such as 30m or 2h"),
    "dashboard": ("--port", "port", "port of this machine; default: 8428"),
    "rollback": ("--to", "to", "number of the release"),
}
_RELEASE = re.compile(r"0*[1-9][0-9]*", re.ASCII)


def main(argv: Sequence[str]) -> int:
    return command_line.exit_status(lambda: _run(argv))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "make the stack as the program describes it"),
        ("preview", "show the changes that `up` would make"),
        ("down", "take the stack down"),
        ("unlock", "free the stack of the lock of a run that is over"),
        ("init", "configure a new stack: its keys, and values by --set"),
        ("env", "print exports that lead a shell to the stack"),
        ("status", "show the live release, and whether it runs"),
        ("logs", "show the log of the service's releases and of the proxy"),
        ("history", "list the releases"),
        ("rollback", "run an earlier release again"),
        ("backup", "put a whole copy of the database into the bucket"),
        ("backups", "list the copies in the bucket"),
        ("proof", "fetch a copy from the bucket and check it"),
        ("restore", "put the database of an earlier moment in place"),
        ("move-database", "move the accounts to PostgreSQL, or back to SQLite"),
        ("bucket", "make the bucket of copies, with a user and a key of its own"),
        ("renew", "get or renew the certificate of the cluster's load balancer"),
        ("rotate", "give the stack a new key of a kind, without a lost request"),
        ("alarms", "list the alarms with their states"),
        ("alerts", "show the mails of the local stack's alarms"),
        ("silence", "send no mails of alarms for some time"),
        ("state", "put a lost state back"),
        ("cost", "show the monthly cost by resource"),
        ("dashboard", "lead a browser to the metrics of the server"),
        ("os-upgrade", "install the security updates on the server"),
        ("new-vm", "make another VM, with the data and the address of the present VM"),
        ("retire", "delete the platform that the stack has left"),
        ("exec", "run a command in the service's container"),
        ("ssh", "run a command on the server, or get a shell there"),
        ("login", "write the key and the pinned host key that ssh logs in with"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--stack", default=LOCAL, type=names.stack_name)
        if name == "up":
            command.add_argument("--refresh", action="store_true", help="ask the cloud first")
            command.add_argument(
                "--switch", action="store_true", help="agree to the losses by other plugins"
            )
        if name == "renew":
            command.add_argument("--store", action="store_true", help="without an update")
        if name in {"down", "new-vm", "retire"}:
            command.add_argument(
                "--confirm", default="", help="the stack's name: yes to the losses"
            )
        if name == "down":
            command.add_argument("--no-copy", action="store_true", help="without a last copy")
        _add_copy_flags(command, name)
        _add_key_flags(command, name)
        _add_server_flags(command, name)
        if name == "logs":
            logs.add_flags(command)
        if name in _VALUES:
            flag, destination, help_text = _VALUES[name]
            command.add_argument(flag, dest=destination, default="", help=help_text)
        if name in {
            "status",
            "history",
            "rollback",
            "backup",
            "backups",
            "proof",
            "alarms",
            "cost",
            "os-upgrade",
        }:
            command.add_argument("--json", action="store_true", help="print JSON")
        if name in {"ssh", "exec"}:
            command.add_argument("words", nargs="*", metavar="WORD", help="the command, after --")
    return parser


def _add_copy_flags(command: argparse.ArgumentParser, name: str) -> None:
    """Add the flags of the commands on copies of the database and of the state."""
    if name == "state":
        command.add_argument("--from", dest="source", default="", help="an earlier version")
    if name == "backup":
        command.add_argument("--name", default="", help="name of the copy")
    if name == "proof":
        command.add_argument("--at", default="", help="a copy or a moment; default: newest")
    if name == "move-database":
        command.add_argument("--to", default="", help=" or ".join(_DATABASES))
        command.add_argument("--yes", action="store_true", help="begin, after the estimate")
        command.add_argument("--over", default="", help="yes: replace accounts that are there")
    if name == "restore":
        command.add_argument("--at", default="", help="name of a copy, or a moment in UTC")
        command.add_argument("--over", default="", help="yes: replace newer data, too")


def _add_key_flags(command: argparse.ArgumentParser, name: str) -> None:
    """Add the flags of the commands that name a key."""
    if name == "init":
        command.add_argument(
            "--set", dest="values", action="append", default=[], metavar="NAME=VALUE"
        )
    if name == "rotate":
        command.add_argument("--key", default="", help=f"the kind: {', '.join(_KEYS)}")
    if name in {"ssh", "dashboard"}:
        command.add_argument("--identity", default="", help="file of a private key of your own")


def _add_server_flags(command: argparse.ArgumentParser, name: str) -> None:
    """Add the flags of the commands that change the server."""
    if name == "os-upgrade":
        command.add_argument("--reboot", action="store_true", help="if an update needs it")


def _run(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    venv.ensure(CLONE)
    venv.enter(CLONE, "stack", argv)
    if arguments.command == "down" and names.is_local(arguments.stack):
        return _down_local(arguments)
    return on_stack(arguments)


def on_stack(arguments: argparse.Namespace) -> int:
    """Run a command in the environment that has the packages; return the exit status."""
    from stack import former_platform, platforms, ssh  # noqa: PLC0415 - needs the packages

    name, command = arguments.stack, arguments.command
    _check(arguments)
    started = time.monotonic()
    stack = _stack_for(arguments)
    if command in _ON_CLUSTERS and platforms.is_cluster(stack):
        return _on_cluster(stack, arguments)
    on_this_machine: dict[str, Callable[[], object]] = {
        "up": lambda: _up(stack, arguments),
        "preview": lambda: _preview(stack),
        "down": lambda: _down(stack, arguments.confirm, without_copy=arguments.no_copy),
        "new-vm": lambda: _replace_vm(stack, arguments.confirm),
        "retire": lambda: _retire(stack, arguments.confirm),
        "unlock": stack.unlock,
        "env": lambda: _print_exports(stack),
        "login": lambda: ssh.write(stack),
    }
    with_a_status: dict[str, Callable[[], int]] = {
        "ssh": lambda: ssh.run(stack, *arguments.words, identity=arguments.identity),
        "rollback": lambda: _roll_back(stack, arguments),
        "init": lambda: _initialize(stack, arguments.values),
        "renew": lambda: _renew(stack, arguments),
        "rotate": lambda: _rotate(stack, arguments.key),
        "restore": lambda: _restore(stack, arguments),
        "move-database": lambda: _move_database(stack, arguments),
        "bucket": lambda: _bucket(stack, arguments),
        "state": lambda: _put_state_back(stack, arguments),
        **dict.fromkeys(_ALARMS, lambda: _alarms(stack, arguments)),
        "cost": lambda: _cost(stack, arguments),
        "dashboard": lambda: _dashboard(stack, arguments),
        "os-upgrade": lambda: _upgrade_os(stack, arguments),
    }
    if command == "status" and not arguments.json:
        with_a_status["status"] = lambda: _show_status(stack)
    if command in with_a_status:
        return with_a_status[command]()
    if command not in on_this_machine:
        return ssh.run(stack, *ssh.release_tool(command, *_flags(arguments)))
    try:
        with interruption.patience():
            result = on_this_machine[command]()
    except KeyboardInterrupt:
        if command != "up":
            raise
        place = "in the cluster" if platforms.is_cluster(stack) else "on the server"
        status = advice.make("status", name)
        raise command_line.Stopped(
            f"A release that had begun may go on, {place}: `{status}` shows it."
        ) from None
    if command == "up":
        outputs = ssh.prepare(stack)
        print(f"Finished in {time.monotonic() - started:.0f} s.\n", file=sys.stderr)
        stack.show_outputs(outputs)
        if result:
            _show_watch(stack)
        if notice := former_platform.notice(stack):
            print(f"\n{notice}")
    return 0


def _print_exports(stack: "Stack") -> None:
    from stack import environment, kubeconfig, ssh  # noqa: PLC0415 - needs the packages

    variables = kubeconfig.variables(stack, ssh.prepare(stack))
    print(environment.exports(dataclasses.replace(stack, env={**stack.env, **variables})))


def _stack_for(arguments: argparse.Namespace) -> "Stack":
    """Return the stack, with the tools of its command; raise StepError if it can't have it."""
    from stack import environment  # noqa: PLC0415 - needs the packages

    command = arguments.command
    get = {
        **dict.fromkeys(
            ("up", "preview", "rotate", "new-vm", "move-database", "retire"), environment.prepare
        ),
        **dict.fromkeys(
            ("init", "env", "alarms", "silence", "restore", "bucket", "os-upgrade"),
            environment.existing,
        ),
        # to store a certificate takes the configuration alone
        "renew": environment.recorded
        if getattr(arguments, "store", False)
        else environment.prepare,
    }.get(command, environment.recorded)
    stack = get(CLONE, arguments.stack)
    if command in _ON_COPIES:
        _refuse_postgresql(stack, command)
    return stack


def _on_cluster(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack.cluster import commands  # noqa: PLC0415 - needs the packages

    return commands.run(stack, arguments)


def _show_status(stack: "Stack") -> int:
    from stack import overview, ssh  # noqa: PLC0415 - needs the packages

    return overview.show(stack, lambda: ssh.run(stack, *ssh.release_tool("status")))


def _refuse_postgresql(stack: "Stack", command: str) -> None:
    from stack import copies  # noqa: PLC0415 - needs the packages

    copies.refuse_postgresql(stack, command)


def _restore(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import copies  # noqa: PLC0415 - needs the packages

    return copies.restore(stack, at=arguments.at, over=bool(arguments.over))


def _move_database(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import move_database  # noqa: PLC0415 - needs the packages

    with interruption.patience():
        return move_database.run(
            stack, arguments.to, agreed=arguments.yes, over=bool(arguments.over)
        )


def _bucket(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import bucket  # noqa: PLC0415 - needs the packages

    return bucket.make(stack, arguments.profile)


def _initialize(stack: "Stack", values: Sequence[str]) -> int:
    from stack import first_configuration  # noqa: PLC0415 - needs the packages

    return first_configuration.make(stack, values)


def _renew(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import renewal  # noqa: PLC0415 - needs the packages

    with interruption.patience():
        return renewal.run(stack, update=not arguments.store)


def _rotate(stack: "Stack", key: str) -> int:
    from stack import rotation  # noqa: PLC0415 - needs the packages

    with interruption.patience():
        return rotation.rotate(stack, key)


def _put_state_back(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import lost_state  # noqa: PLC0415 - needs the packages

    return lost_state.put_back(stack, arguments.source)


def _alarms(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import alarms  # noqa: PLC0415 - needs the packages

    return alarms.run(stack, arguments)


def _cost(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import cost  # noqa: PLC0415 - needs the packages

    return cost.show(stack, as_json=arguments.json)


def _dashboard(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import dashboard  # noqa: PLC0415 - needs the packages

    return dashboard.show(stack, int(arguments.port or 0), identity=arguments.identity)


def _upgrade_os(stack: "Stack", arguments: argparse.Namespace) -> int:
    from stack import os_upgrade  # noqa: PLC0415 - needs the packages

    return os_upgrade.run(stack, reboot=arguments.reboot, as_json=arguments.json)


def _show_watch(stack: "Stack") -> None:
    """Print, as the last line, that the new release is still watched and may give way."""
    from stack import ssh  # noqa: PLC0415 - needs the packages

    with contextlib.suppress(StepError):
        status = ssh.report(stack, "status")
        if status.get("watching"):
            number, standby = status["live"]["release"], status["standby"]
            print(
                f"\nRelease {number} is live, and watched for some seconds more: if it fails, "
                f"release {standby} takes over again. The result: "
                f"{advice.make('status', stack.name)}"
            )


def _check(arguments: argparse.Namespace) -> None:
    """Raise StepError for arguments that can't be meant, before anything is asked or started."""
    name, command = arguments.stack, arguments.command
    if command != "init":
        names.require(CLONE, name)
    _refuse_on_platform(arguments)
    if command == "exec" and not arguments.words:
        example = advice.make("exec CMD='python -m auth --help'", name)
        raise StepError(f"CMD is empty. Name the command to run in the container: {example}")
    if command == "rotate" and arguments.key not in _KEYS:
        example = advice.make("rotate KEY=ssh", name)
        raise StepError(
            f"KEY is {arguments.key!r}; it must be one of {', '.join(_KEYS)}, such as {example}."
        )
    if command == "move-database" and arguments.to not in _DATABASES:
        kinds = " or ".join(_DATABASES)
        example = advice.make("move-database TO=postgresql", name)
        raise StepError(f"TO is {arguments.to!r}; it must be {kinds}, such as {example}.")
    if command in {"restore", "move-database"}:
        _check_over(arguments)
    if command == "restore":
        _check_restore(arguments)
    if command == "logs":
        logs.flags(arguments)
    if command == "dashboard" and arguments.port and not _is_port(arguments.port):
        raise StepError(f"PORT is {arguments.port!r}; it must be a number from 1024 to 65535.")
    if command == "rollback" and arguments.to and not _RELEASE.fullmatch(arguments.to):
        raise StepError(
            f"TO is {arguments.to!r}; it must be the number of a release, such as 7. The first has "
            f"number 1; `{advice.make('history', name)}` lists them. Without TO, the release "
            "before the live release is taken."
        )


def _refuse_on_platform(arguments: argparse.Namespace) -> None:
    """Raise StepError for a command that the stack's platform has no use for."""
    from stack import environment, platforms  # noqa: PLC0415 - needs the packages

    name, command = arguments.stack, arguments.command
    stack = environment.unprepared(CLONE, name)
    platforms.refuse(stack, command, key=getattr(arguments, "key", ""))
    if command == "renew" and not platforms.is_cluster(stack):
        raise StepError(
            f"auth:platform of {name} is server, whose proxy gets and renews its certificate "
            "itself. `make renew` is for the platform cluster."
        )


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1024 <= int(text) <= 65535  # noqa: PLR2004


def _check_restore(arguments: argparse.Namespace) -> None:
    example = advice.make("restore AT=2026-11-27T03:10:00Z", arguments.stack)
    if not arguments.at:
        raise StepError(
            "AT is empty. Name a copy, or a moment in UTC, such as "
            f"{example}. `{advice.make('backups', arguments.stack)}` lists the copies."
        )


def _check_over(arguments: argparse.Namespace) -> None:
    if arguments.over not in {"", "yes"}:
        raise StepError(f"OVER is {arguments.over!r}; it must be yes, to replace the present data.")


def _up(stack: "Stack", arguments: argparse.Namespace) -> bool:
    """Update the stack; return whether that made a release."""
    from stack import first_vm, switch  # noqa: PLC0415 - needs the packages
    from toolchain import plugins  # noqa: PLC0415 - needs the packages

    resources = stack.resources()
    if names.is_local(stack.name):
        switch.refuse_losses(
            stack,
            resources,
            plugins.installed(CLONE),
            agreed=arguments.switch,
            refresh=arguments.refresh,
        )
    changed = first_vm.up(stack, resources, refresh=arguments.refresh)
    return any(urn.endswith("::auth-release") for urn in changed)


def _preview(stack: "Stack") -> None:
    from stack import lost_state  # noqa: PLC0415 - needs the packages

    lost_state.refuse_second_server(stack, stack.resources())
    stack.preview()


def _retire(stack: "Stack", named: str) -> None:
    from stack import retirement  # noqa: PLC0415 - needs the packages

    retirement.retire(stack, named=named)


def _roll_back(stack: "Stack", arguments: argparse.Namespace) -> int:
    """Roll back, and show the result, which the release tool prints as JSON, in sentences."""
    from stack import rolled_back, ssh  # noqa: PLC0415 - needs the packages

    # the image may have to be fetched again, and the server keeps no login
    status, printed = ssh.result(
        stack,
        *ssh.release_tool("rollback", *_flags(arguments)),
        stdin=stack.configuration.registry_login(),
    )
    if status != 0 or arguments.json:
        print(printed, end="")
        return status
    print("\n".join(rolled_back.lines(stack.name, json.loads(printed))))
    return 0


def _flags(arguments: argparse.Namespace) -> list[str]:
    """Return the flags of the release tool for this command."""
    if arguments.command == "exec":
        return ["--", *arguments.words]
    if arguments.command == "logs":
        return logs.flags(arguments)
    if arguments.command == "rollback":
        # its result is JSON always
        return ["--to", arguments.to] if arguments.to else []
    if arguments.command == "proof" and arguments.at:
        flags = ["--at", arguments.at]
        return [*flags, "--json"] if arguments.json else flags
    flags = ["--json"] if getattr(arguments, "json", False) else []
    return ["--name", arguments.name, *flags] if getattr(arguments, "name", "") else flags


def _down(stack: "Stack", confirmed: str, *, without_copy: bool) -> None:
    from stack import copies, environment, removal  # noqa: PLC0415 - needs the packages

    if removal.ends_without_resources(stack):
        return
    stack = environment.prepare(CLONE, stack.name)
    resources = stack.resources()
    removal.refuse_protected(stack.name, resources)
    lost = removal.losses(stack, resources)
    removal.confirm(stack.name, lost, named=confirmed, disposable=False)
    copies.take_last(stack, resources, without=without_copy)
    stack.destroy()


def _replace_vm(stack: "Stack", confirmed: str) -> None:
    from stack import new_vm  # noqa: PLC0415 - needs the packages

    new_vm.replace(stack, confirmed=confirmed)


def _down_local(arguments: argparse.Namespace) -> int:
    from stack import local_removal  # noqa: PLC0415 - needs the packages

    return local_removal.take_down(CLONE, arguments.stack, confirmed=arguments.confirm)
