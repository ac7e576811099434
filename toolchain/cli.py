"""The commands behind the Makefile that need no stack: `python3 -m toolchain COMMAND`."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import command_line
from common.clone import CLONE
from common.progress import StepError
from toolchain import actionlint, cleaning, docker_engine, kubernetes, targets, venv


def main(argv: Sequence[str]) -> int:
    return command_line.exit_status(lambda: _run(argv))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m toolchain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("venv", help="make the Python environment")
    commands.add_parser("docker", help="make sure that a Docker engine runs")
    clean = commands.add_parser("clean", help="drop the caches of all clones")
    clean.add_argument("--yes", action="store_true", help="do not ask")
    commands.add_parser("tools", help="get the engine and its plugins")
    of_clusters = commands.add_parser(
        "kubernetes", help="build Kubernetes for the emulated clusters; print its file"
    )
    of_clusters.add_argument(
        "--plugin", action="store_true", help="build Pulumi's plugin for Kubernetes with it"
    )
    commands.add_parser("pins", help="pin the SHA-256 of engine and plugins")
    commands.add_parser("actionlint", help="lint the workflows")
    unknown = commands.add_parser("unknown", help="answer to a target that does not exist")
    unknown.add_argument("target")
    return parser


def _run(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    if arguments.command == "docker":
        docker_engine.ensure(CLONE)
        return 0
    if arguments.command == "clean":
        cleaning.clean(CLONE, yes=arguments.yes)
        return 0
    if arguments.command == "actionlint":
        return actionlint.run(CLONE)
    if arguments.command == "kubernetes":
        print(kubernetes.ensure_both(CLONE)[0] if arguments.plugin else kubernetes.ensure(CLONE))
        return 0
    if arguments.command == "unknown":
        raise StepError(targets.unknown(CLONE, arguments.target))
    venv.ensure(CLONE)
    if arguments.command == "venv":
        return 0
    venv.enter(CLONE, "toolchain", argv)
    from toolchain import tools  # noqa: PLC0415 - needs the packages

    if arguments.command == "tools":
        tools.fetch(CLONE)
    else:
        _pin()
    return 0


def _pin() -> None:
    """Pin the archives of both architectures in the versions that this clone names."""
    from toolchain import archives, engine, plugins  # noqa: PLC0415 - needs the packages

    wanted = archives.of(engine.VERSION, plugins.versions())
    with tempfile.TemporaryDirectory() as folder:
        try:
            changes = archives.pin(CLONE, wanted, Path(folder))
        except OSError as error:
            raise StepError(
                f"The archives can't be had from here: {error}. Nothing was pinned. "
                "Run `make pins` on a machine that reaches GitHub."
            ) from None
    for line in changes:
        print(line)
    if changes:
        print(f"Read the change of {archives.CHECKSUMS}, then commit it.")
    else:
        print(f"{archives.CHECKSUMS} has them all.")
