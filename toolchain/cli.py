"""The commands behind the Makefile: `python3 -m toolchain COMMAND`."""

import argparse
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components import advice
from toolchain import actionlint, cleaning, docker_engine, interruption, story, venv

if TYPE_CHECKING:
    from toolchain.stack import Stack

CLONE = Path(__file__).resolve().parent.parent
LOCAL = "local"
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    interruption.stop_on_terminate()
    try:
        if arguments.command in _WITHOUT_PACKAGES:
            return _WITHOUT_PACKAGES[arguments.command](arguments)
        venv.ensure(CLONE)
        if arguments.command == "venv":
            return 0
        if not venv.inside(CLONE):
            # from here on packages are needed
            python = str(venv.python(CLONE))
            os.execv(python, [python, "-m", "toolchain", *argv])  # noqa: S606 - no shell wanted
        status = _with_packages(arguments)
    except KeyboardInterrupt:
        print("\nStopped. Nothing is lost: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    except story.StepError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return status


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m toolchain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("venv", help="make the Python environment")
    commands.add_parser("docker", help="make sure that a Docker engine runs")
    clean = commands.add_parser("clean", help="drop the caches of all clones")
    clean.add_argument("--yes", action="store_true", help="do not ask")
    commands.add_parser("tools", help="get the engine and its plugins")
    commands.add_parser("pins", help="pin the SHA-256 of engine and plugins")
    commands.add_parser("actionlint", help="lint the workflows")
    for name, text in (
        ("up", "bring the stack up"),
        ("preview", "show what `up` would change"),
        ("down", "take the stack down"),
        ("unlock", "free the stack's state of the lock of a run that is no more"),
        ("init", "make the secrets of a new stack"),
        ("env", "print shell exports for the plain tools"),
        ("status", "tell what runs"),
        ("logs", "show the service's log"),
        ("history", "list the releases"),
        ("rollback", "run an earlier release again"),
        ("exec", "run a command in the service's container"),
        ("ssh", "run a command on the server, or get a shell there"),
        ("login", "write the key and the pinned host key that ssh logs in with"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--stack", default="local", type=stack_name)
        if name == "up":
            command.add_argument("--refresh", action="store_true", help="ask the cloud first")
            command.add_argument(
                "--switch", action="store_true", help="say yes to what other plugins would replace"
            )
        if name == "down":
            command.add_argument("--confirm", default="", help="the stack's name: yes to its end")
        if name == "rollback":
            command.add_argument("--to", default="", help="number of the release")
        if name in {"status", "history", "rollback"}:
            command.add_argument("--json", action="store_true", help="print JSON")
        if name in {"ssh", "exec"}:
            command.add_argument("words", nargs="*", metavar="WORD", help="the command, after --")
    return parser


def stack_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a stack's name: lower-case letters, digits and dashes"
        )
    return text


def _with_packages(arguments: argparse.Namespace) -> int:
    from toolchain.stack import StackError  # noqa: PLC0415 - needs the packages

    try:
        if arguments.command in _WITHOUT_STACK:
            return _WITHOUT_STACK[arguments.command]()
        if (arguments.command, arguments.stack) == ("down", LOCAL):
            return _down_local(arguments.confirm)
        return _on_stack(arguments)
    except StackError as error:
        raise story.StepError(str(error)) from None


def _on_stack(arguments: argparse.Namespace) -> int:
    from toolchain import environment, login  # noqa: PLC0415 - needs the packages

    name, command = arguments.stack, arguments.command
    if name != LOCAL and not (CLONE / f"Pulumi.{name}.yaml").exists() and command != "init":
        raise story.StepError(f"There is no Pulumi.{name}.yaml. Make one: make init STACK={name}")
    if command == "exec" and not arguments.words:
        example = advice.make("exec CMD='python -m auth --help'", name)
        raise story.StepError(f"CMD is empty. Name the command to run in the container: {example}")
    started = time.monotonic()
    changes = command in {"up", "preview", "down"}
    stack = (environment.prepare if changes else environment.existing)(CLONE, name)
    on_this_machine: dict[str, Callable[[], object]] = {
        "up": lambda: _up(stack, arguments),
        "preview": stack.preview,
        "down": lambda: _down(stack, arguments.confirm),
        "unlock": stack.unlock,
        "init": stack.init,
        "env": lambda: print(environment.exports(stack)),
        "login": lambda: login.write(stack),
    }
    if command == "ssh":
        return login.run(stack, *arguments.words)
    if command == "rollback":
        return _roll_back(stack, arguments)
    if command not in on_this_machine:
        return login.run(stack, *_release_tool(arguments))
    if command == "env":
        login.prepare(stack)
    with interruption.patience():
        on_this_machine[command]()
    if command == "up":
        login.prepare(stack)
        print(f"Finished in {time.monotonic() - started:.0f} s.\n", file=sys.stderr)
        stack.show_outputs()
    return 0


def _up(stack: "Stack", arguments: argparse.Namespace) -> None:
    from toolchain import plugins, switch  # noqa: PLC0415 - needs the packages

    if stack.name == LOCAL:
        switch.refuse_losses(
            stack,
            plugins.installed(CLONE),
            agreed=arguments.switch,
            refresh=arguments.refresh,
        )
    stack.up(refresh=arguments.refresh)


def _roll_back(stack: "Stack", arguments: argparse.Namespace) -> int:
    """Roll back, and say in a sentence the result that the release tool prints as JSON."""
    from toolchain import login  # noqa: PLC0415 - needs the packages

    # the image may have to be fetched again, and the server keeps no login
    status, printed = login.result(stack, *_release_tool(arguments), stdin=stack.pull_login())
    if status != 0 or arguments.json:
        print(printed, end="")
        return status
    release = json.loads(printed)
    print(
        f"Release {release['release']} is live ({release['note']}).\n"
        f"  image     {release['image']}\n"
        f"  revision  {release['revision']}\n"
        f"`{advice.make('up', stack.name)}` would go to what the program says again: revert the "
        "change there, too."
    )
    return 0


def _release_tool(arguments: argparse.Namespace) -> list[str]:
    """Return the command of the release tool on the server that this command stands for."""
    return ["sudo", "auth-release", arguments.command, "auth", *_flags(arguments)]


def _flags(arguments: argparse.Namespace) -> list[str]:
    """Give the flags that the release tool on the server takes over from this command."""
    if arguments.command == "exec":
        return ["--", shlex.join(arguments.words)]
    if arguments.command == "rollback":
        # its result is JSON always
        return ["--to", arguments.to] if arguments.to else []
    return ["--json"] if getattr(arguments, "json", False) else []


def _down(stack: "Stack", confirmed: str) -> None:
    from toolchain import removal  # noqa: PLC0415 - needs the packages

    removal.refuse_protected(stack)
    removal.confirm(stack.name, removal.losses(stack), named=confirmed, disposable=False)
    stack.destroy()


def _down_local(confirmed: str) -> int:
    """Remove what the local stack left on this machine: its cloud, state, keys, the engine."""
    from toolchain import environment, removal  # noqa: PLC0415 - needs the packages
    from toolchain.stack import StackError  # noqa: PLC0415

    if _local_stack_exists():
        stack, lost = None, ["all that it has"]
        try:
            stack = environment.prepare(CLONE, LOCAL)
            lost = removal.losses(stack)
        except (StackError, story.StepError) as error:
            print(error, file=sys.stderr)
        removal.confirm(LOCAL, lost, named=confirmed, disposable=True)
        try:
            with interruption.patience():
                if stack:
                    stack.destroy()
        except StackError as error:
            print(error, file=sys.stderr)
        # a stack that can't be brought down in order goes with the cloud that it lives in
        environment.stop_cloud(CLONE)
    else:
        print("There is no local stack.")
    shutil.rmtree(CLONE / ".local", ignore_errors=True)
    docker_engine.stop_if_ours(CLONE)
    return 0


def _local_stack_exists() -> bool:
    return any((CLONE / ".local" / part).exists() for part in ("cloud", "state"))


def _tools() -> int:
    from toolchain import environment  # noqa: PLC0415 - needs the packages

    environment.tools(CLONE)
    return 0


def _pins() -> int:
    """Pin the archives of both architectures in the versions that this clone names."""
    from toolchain import archives, engine, plugins  # noqa: PLC0415 - needs the packages

    wanted = archives.of(engine.VERSION, plugins.versions())
    with tempfile.TemporaryDirectory() as folder:
        try:
            changes = archives.pin(CLONE, wanted, Path(folder))
        except OSError as error:
            raise story.StepError(
                f"The archives can't be had from here: {error}. Nothing was pinned. "
                "Run `make pins` on a machine that reaches GitHub."
            ) from None
    for line in changes:
        print(line)
    if changes:
        print(f"Read the change of {archives.CHECKSUMS}, then commit it.")
    else:
        print(f"{archives.CHECKSUMS} has them all.")
    return 0


def _docker(_: argparse.Namespace) -> int:
    docker_engine.ensure(CLONE)
    return 0


def _actionlint(_: argparse.Namespace) -> int:
    return actionlint.run(CLONE)


def _clean(arguments: argparse.Namespace) -> int:
    if _local_stack_exists():
        raise story.StepError("The local stack is up. Take it down first: make down")
    cleaning.clean(CLONE, yes=arguments.yes)
    return 0


_WITHOUT_STACK = {"tools": _tools, "pins": _pins}
_WITHOUT_PACKAGES = {"docker": _docker, "clean": _clean, "actionlint": _actionlint}
