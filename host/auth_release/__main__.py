"""The command line: `auth-release COMMAND`, as root."""

import argparse
import json
import subprocess
import sys
import syslog
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import data_volume, logins
from .containers import Docker
from .desired import SERVICE, Desired
from .errors import ReleaseError
from .failures import reason, visible
from .lock import detached, locked, who
from .proxy import Proxy
from .records import STATE, Record, Records
from .releases import Releases
from .routes import Routes
from .story import Story

LOCK_SECONDS = 120
_COLUMNS = ("release", "outcome", "at", "seconds", "revision", "by", "note")


def releases_of(service: str) -> Releases:
    return Releases(
        service,
        docker=Docker(),
        proxy=Proxy(),
        routes=Routes(STATE),
        records=Records(STATE, service),
        story=Story(syslog.syslog),
    )


def status(service: str) -> dict[str, Any]:
    """Tell what is live, how it differs from what was released, and what would be next."""
    releases = releases_of(service)
    live = releases.live()
    containers = releases.docker.containers(service)
    # of a live release whose record can't be read as well
    container = containers.pop(releases.routes.live(service) or 0, None)
    return {
        "live": live.public() if live else None,
        "running": bool(container and container.running),
        "others": sorted(other.name for other in containers.values()),
        "differs": releases.differences(live),
        "skipped": releases.skipped(),
        "foreign": releases.docker.foreign(service),
        "next": releases.records.next_number(),
    }


def make(service: str, work: Callable[[Releases], Record]) -> int:
    """Run `work` under the lock, in a process that outlives the connection; print its result."""

    def locked_work(report: Callable[[str], None]) -> int:
        try:
            with locked(STATE, service, by=who(), seconds=LOCK_SECONDS):
                releases = releases_of(service)
                try:
                    record = work(releases)
                    report(json.dumps(record.public(), sort_keys=True))
                finally:
                    releases.tidy()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told
            return fail(error)
        return 0

    status, said = detached(locked_work)
    if said:
        print(said)
    return status


def fail(error: Exception) -> int:
    """Say once why a command failed; the journal keeps where, if that is not plain."""
    print(f"Release failed: {reason(error)}", file=sys.stderr, flush=True)
    if not isinstance(error, ReleaseError):
        for line in "".join(traceback.format_exception(error)).splitlines():
            syslog.syslog(syslog.LOG_ERR, visible(line))
    return 1


def apply(document: bytes, *, planned: int | None) -> int:
    desired = Desired.parse(document)
    return make(
        desired.service, lambda releases: releases.apply(desired, by=who(), planned=planned)
    )


def roll_back(service: str, number: int | None) -> int:
    login = logins.of_caller(sys.stdin)
    return make(service, lambda releases: releases.rollback(number, by=who(), login=login))


def show_status(service: str, *, as_json: bool) -> int:
    """Tell what is live of a service, or, if none is named, of each."""
    found = [service] if service else Records.services(STATE)
    told = {name: status(name) for name in found}
    if as_json:
        print(json.dumps(told[service] if service else told))
        return 0
    for name in found:
        print("\n".join(map(visible, _told(name, told[name]))))
    return 0


def _told(service: str, told: Mapping[str, Any]) -> list[str]:
    return [
        *_live(service, told),
        *(f"  differs: {difference}" for difference in told["differs"]),
        *(f"  skipped: {record}" for record in told["skipped"]),
        *(f"  {other} is there, too: it begins or ends" for other in told["others"]),
        *(f"  {other} has labels of {service}, but is none of its" for other in told["foreign"]),
    ]


def _live(service: str, told: Mapping[str, Any]) -> list[str]:
    live = told["live"]
    if live is None and told["differs"]:
        return [f"A release of {service} is live that this release tool can't read."]
    if live is None:
        return [f"No release of {service} is live on this host."]
    state = "runs" if told["running"] else "does not run"
    names = ("image", "revision", "at", "by", "note")
    return [
        f"Release {live['release']} of {service} is live and {state}.",
        *(f"  {name:<9}{live[name]}" for name in names if live[name]),
    ]


def show_history(service: str, *, as_json: bool) -> int:
    records = Records(STATE, service)
    rows = [record.public() for record in records.all()]
    for number, why in records.unreadable().items():
        print(f"Skip release {number}: its record can't be read: {why}", file=sys.stderr)
    if as_json:
        print(json.dumps(rows))
        return 0
    table = [_COLUMNS, *(tuple(visible(str(row[name])) for name in _COLUMNS) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    for line in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    return 0


def show_logs(service: str, lines: int) -> int:
    for line in Docker().logs(live_container(service), lines):
        print(line)
    return 0


def restore_routes() -> int:
    Routes(STATE).restore()
    return 0


def use_data_volume(arguments: argparse.Namespace) -> int:
    """Prepare or mount the data volume, whichever is asked for."""
    try:
        if arguments.action == "prepare":
            data_volume.prepare(gbs=arguments.gbs)
        else:
            data_volume.mount()
            data_volume.start_held_containers()
    except ReleaseError as error:
        print(f"The data volume is not ready: {error}", file=sys.stderr)
        return 1
    return 0


def live_container(service: str) -> str:
    number = Routes(STATE).live(service)
    if number is None:
        raise ReleaseError(f"no release of {service} is live on this host")
    return f"{service}-{number}"


def execute(service: str, argv: Sequence[str]) -> int:
    """Run a command in the live container, with this terminal if there is one."""
    terminal = ["--tty"] if sys.stdin.isatty() else []
    command = ["docker", "exec", "--interactive", *terminal, live_container(service), *argv]
    return subprocess.run(command, check=False).returncode


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    syslog.openlog("auth-release", syslog.LOG_PID)
    try:
        return dispatch(arguments)
    except KeyboardInterrupt:
        print(
            "Interrupted. A release that was begun goes on; see: auth-release status",
            file=sys.stderr,
        )
        return 130
    except Exception as error:  # noqa: BLE001 - whatever it was, it is told
        return fail(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="auth-release")
    commands = parser.add_subparsers(dest="command", required=True)
    applying = commands.add_parser("apply", help="make the desired state on stdin the running one")
    applying.add_argument("--number", type=int, help="of the release that this makes, as planned")
    commands.add_parser("routes", help="load the routes again, as after a boot")
    volume = commands.add_parser("data-volume", help="mount the data volume")
    actions = volume.add_subparsers(dest="action", required=True)
    actions.add_parser("mount", help="mount it, as on each boot")
    preparing = actions.add_parser("prepare", help="format it if it is empty, mount it, grow it")
    preparing.add_argument("--gbs", type=int, required=True, help="the volume's size")
    # nothing is done with them: another disk makes another command, which so runs again
    preparing.add_argument("--disks", nargs="+", metavar="OCID", help="the disks of this VM")
    for name, text in (
        ("rollback", "run an earlier release again; stdin may have a login"),
        ("history", "list the releases, newest first"),
        ("status", "tell what is live"),
        ("logs", "show the live container's log"),
        ("exec", "run a command in the live container"),
    ):
        command = commands.add_parser(name, help=text)
        if name == "status":
            command.add_argument(
                "service", nargs="?", default="", type=_service, help="default: each"
            )
        else:
            command.add_argument("service", type=_service)
        if name in {"history", "status"}:
            command.add_argument("--json", action="store_true", help="print JSON")
        if name == "rollback":
            command.add_argument("--to", type=int, help="number of the release; default: the last")
        if name == "logs":
            command.add_argument("--lines", type=int, default=100)
        if name == "exec":
            command.add_argument("words", nargs="+", metavar="WORD", help="the command, after --")
    return parser


def _service(name: str) -> str:
    if name and not SERVICE.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{name!r} is no service's name")
    return name


def dispatch(arguments: argparse.Namespace) -> int:
    commands: dict[str, Callable[[], int]] = {
        "apply": lambda: apply(sys.stdin.buffer.read(), planned=arguments.number),
        "rollback": lambda: roll_back(arguments.service, arguments.to),
        "history": lambda: show_history(arguments.service, as_json=arguments.json),
        "status": lambda: show_status(arguments.service, as_json=arguments.json),
        "logs": lambda: show_logs(arguments.service, arguments.lines),
        "exec": lambda: execute(arguments.service, arguments.words),
        "routes": restore_routes,
        "data-volume": lambda: use_data_volume(arguments),
    }
    return commands[arguments.command]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
