"""The command line: `auth-release COMMAND`, as root."""

import argparse
import contextlib
import dataclasses
import json
import subprocess
import sys
import syslog
import time
import traceback
from collections.abc import Callable, Mapping, Sequence

from . import (
    access,
    backup,
    backup_commands,
    bytecode,
    callers,
    copies,
    data_volume,
    database_role,
    gate,
    history,
    interventions,
    logins,
    logs,
    os_commands,
    proxy_program,
    reporter,
    status,
    supervisor,
)
from . import restore as restoring
from .callers import Caller
from .containers import Docker
from .desired import SERVICE, Desired
from .detached import detached
from .errors import ReleaseError
from .failures import reason, visible
from .lock import is_awaited, locked
from .progress import Progress
from .proxy import Proxy
from .records import STATE, Records
from .releases import Releases
from .routes import Routes
from .service_host import ServiceHost
from .snapshot import DockerSnapshot, ProxySnapshot, RoutesSnapshot
from .turns import turn

LOCK_SECONDS = 120
# the commands' work, as their failures name it; of the others it is a release
WORK = {
    **backup_commands.WORK,
    **dict.fromkeys(("access", "authorize", "check-login", "host-key"), "Access"),
    **os_commands.WORK,
    "configure-metrics": "The reporter of metrics",
    "make-database-role": "The role in PostgreSQL",
    "report-metrics": "The report of metrics",
    "ship-logs": "The shipping of the log",
}


def host_of(service: str) -> ServiceHost:
    return ServiceHost(
        service=service,
        docker=Docker(),
        proxy=Proxy(),
        routes=Routes(STATE),
        records=Records(STATE, service),
        progress=Progress(syslog.syslog),
    )


def releases_of(service: str, person: str = "") -> Releases:
    host = host_of(service)
    return Releases(
        host,
        turn=lambda: turn(STATE, service, show=host.progress.show),
        is_awaited=lambda: is_awaited(STATE, service),
        person=person,
    )


def under_lock(
    services: Sequence[str],
    work: Callable[[Callable[[str], None]], None],
    *,
    by: str,
    name: str = "Release",
    seconds: float = LOCK_SECONDS,
) -> int:
    """Run `work` under the release lock of each service, in a process that outlives the connection.

    Prints the result that `work` reports, and returns the exit status. `by` is for runs that wait
    for the lock, `name` for a failure, and `seconds` bound the wait for another run.
    """
    deadline = time.monotonic() + seconds

    def locked_work(report: Callable[[str], None]) -> int:
        try:
            with contextlib.ExitStack() as locks:
                for service in services:
                    left = max(0, deadline - time.monotonic())
                    locks.enter_context(locked(STATE, service, by=by, seconds=left))
                work(report)
        except Exception as error:  # noqa: BLE001 - each kind of error ends in a sentence
            return fail(error, name)
        return 0

    status, result = detached(locked_work)
    if result:
        print(result)
    return status


def make(service: str, work: Callable[[Releases], Mapping[str, object]], *, caller: Caller) -> int:
    """Make a release under the release lock; print the live release, as `work` returns it."""

    def make_it(report: Callable[[str], None]) -> None:
        releases = releases_of(service, caller.person)
        try:
            report(json.dumps(work(releases), sort_keys=True))
        finally:
            releases.finish()
            keep_history(releases.host)

    return under_lock([service], make_it, by=str(caller))


def keep_history(host: ServiceHost) -> None:
    history.keep(host.records, host.service, show=host.progress.show)


def fail(error: Exception, work: str = "Release") -> int:
    """Print the reason of a failure; the journal gets the traceback of an unexpected error."""
    print(f"{work} failed: {reason(error)}", file=sys.stderr, flush=True)
    if not isinstance(error, ReleaseError):
        for line in "".join(traceback.format_exception(error)).splitlines():
            syslog.syslog(syslog.LOG_ERR, visible(line))
    return 1


def apply(document: bytes, *, planned: int | None, caller: Caller) -> int:
    desired = Desired.parse(document)
    return make(
        desired.service,
        lambda releases: releases.apply(desired, by=caller.login, planned=planned).public(),
        caller=caller,
    )


def roll_back(service: str, number: int | None, *, caller: Caller) -> int:
    """Run an earlier release again; the result is not `made` if the live release runs the same."""
    login = logins.of_caller(sys.stdin)

    def roll(releases: Releases) -> dict[str, object]:
        before = releases.host.routes.live(service)
        live = releases.rollback(number, by=caller.login, login=login)
        return {**live.public(), "made": live.number != before}

    return make(service, roll, caller=caller)


def restore(service: str, *, at: str, over: bool, caller: Caller) -> int:
    """Restore a service's database under the release lock.

    A watch of the live release ends first, and with it every other container of the service.
    """

    def restore_it(report: Callable[[str], None]) -> None:
        releases = releases_of(service)
        releases.clean_up()
        releases.finish()
        answer = restoring.restore(releases.host, at=at, over=over)
        note = f"restored the database of {answer['moment']}"
        interventions.note(STATE, service, caller, note, release=releases.host.routes.live(service))
        report(json.dumps(answer, sort_keys=True))

    with copies.alone(service, "restore"):
        return under_lock([service], restore_it, by=str(caller), name="Restore")


def finish(service: str) -> int:
    """Finish the work that an interrupted run left; without a name, of each service.

    Services are finished side by side, as a watch takes its time.
    """
    if not service:
        runs = [subprocess.Popen([sys.argv[0], "finish", each]) for each in Records.services(STATE)]
        return max((run.wait() for run in runs), default=0)
    with locked(STATE, service, by=callers.login(), seconds=LOCK_SECONDS):
        releases = releases_of(service)
        releases.clean_up()
        releases.finish()
    return 0


def show_status(service: str, *, as_json: bool) -> int:
    """Print the status of a service; without a name, of each."""
    services = [service] if service else Records.services(STATE)
    docker, proxy, routes = DockerSnapshot(), ProxySnapshot(), RoutesSnapshot(STATE)

    def snapshot_of(name: str) -> ServiceHost:
        return dataclasses.replace(host_of(name), docker=docker, proxy=proxy, routes=routes)

    status.show_status(services, snapshot_of, as_json=as_json, single=bool(service))
    return 0


def show_history(service: str, *, as_json: bool) -> int:
    restarts = supervisor.restarts_of(STATE, service)
    events: list[status.Event] = [*restarts.all(), *interventions.of(STATE, service).all()]
    status.show_history(Records(STATE, service), events, as_json=as_json)
    return 0


def show_logs(arguments: argparse.Namespace) -> int:
    query = logs.Query(
        lines=arguments.lines,
        since=arguments.since,
        pattern=arguments.grep,
        request=arguments.request or "",
    )
    logs.show(arguments.service, query, follow=arguments.follow)
    return 0


def add_bytecode() -> int:
    bytecode.add()
    return 0


def supervise(*, install: bool) -> int:
    """Supervise the services of this host until the process ends, or install that."""
    if install:
        supervisor.install()
    else:
        supervisor.Supervisor(releases_of, log=syslog.syslog).run()
    return 0


def install_proxy(hashes: Sequence[str]) -> int:
    try:
        proxy_program.install(hashes, Progress(syslog.syslog))
    except ReleaseError as error:
        print(f"The proxy is not ready: {error}", file=sys.stderr)
        return 1
    return 0


def restore_routes() -> int:
    Routes(STATE).restore()
    return 0


def use_data_volume(arguments: argparse.Namespace) -> int:
    """Prepare or mount the data volume."""
    try:
        if arguments.action == "prepare":
            data_volume.prepare(gbs=arguments.gbs)
            source = sys.stdin.buffer.read() if arguments.history else b""
            history.take_up(source, show=Progress(syslog.syslog).show)
        else:
            data_volume.mount()
            data_volume.start_held_containers()
    except ReleaseError as error:
        print(f"The data volume is not ready: {error}", file=sys.stderr)
        return 1
    return 0


def configure_backup() -> int:
    """Put the settings of a backup in force, and store the history of the releases until now."""
    service, result = backup.configure(sys.stdin.buffer.read(), live_container)
    keep_history(host_of(service))
    print(f"Backup: {result}.")
    return 0


def configure_metrics() -> int:
    print(f"Metrics: {reporter.configure(sys.stdin.buffer.read())}.")
    return 0


def make_database_role() -> int:
    print(f"PostgreSQL: {database_role.make(sys.stdin.buffer.read())}.")
    return 0


def live_container(service: str) -> str:
    number = Routes(STATE).live(service)
    if number is None:
        raise ReleaseError(f"no release of {service} is live on this host")
    return f"{service}-{number}"


def execute(service: str, argv: Sequence[str]) -> int:
    """Run a command in the live container, with a terminal if stdin is a terminal."""
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
            "Interrupted. A release that has begun goes on; see: auth-release status",
            file=sys.stderr,
        )
        return 130
    except Exception as error:  # noqa: BLE001 - each kind of error ends in a sentence
        return fail(error, WORK.get(arguments.command, "Release"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="auth-release")
    commands = parser.add_subparsers(dest="command", required=True)
    applying = commands.add_parser("apply", help="release the desired state on stdin")
    applying.add_argument("--number", type=int, help="the planned number of this release")
    commands.add_parser("add-bytecode", help="compile this tool, once it is installed")
    installing = commands.add_parser("install-proxy", help="run the pinned Caddy")
    installing.add_argument("hashes", nargs="+", metavar="SHA256", help="of its release's wheels")
    commands.add_parser("routes", help="load the routes into the kernel, as after a boot")
    supervising = commands.add_parser(
        "supervise", help="restart services and the proxy when they give no answer"
    )
    supervising.add_argument("--install", action="store_true", help="as a service of systemd")
    volume = commands.add_parser("data-volume", help="mount the data volume")
    actions = volume.add_subparsers(dest="action", required=True)
    actions.add_parser("mount", help="mount it, as on each boot")
    preparing = actions.add_parser("prepare", help="format it if it is empty, mount it, grow it")
    preparing.add_argument("--gbs", type=int, required=True, help="the volume's size")
    # only for the program: other disks make another command, which then runs again
    preparing.add_argument("--disks", nargs="+", metavar="OCID", help="the disks of this VM")
    preparing.add_argument(
        "--history", action="store_true", help="stdin names the bucket with the releases' history"
    )
    for name, text in (
        ("rollback", "run an earlier release again; stdin may have a login"),
        ("history", "list the releases, newest first"),
        ("status", "show the live release"),
        ("finish", "finish the work of an interrupted run, as after a boot"),
        ("logs", "show the log of all releases and of the proxy, from the journal"),
        ("exec", "run a command in the live container"),
    ):
        command = commands.add_parser(name, help=text)
        if name in {"finish", "status"}:
            command.add_argument(
                "service", nargs="?", default="", type=_service, help="default: each"
            )
        else:
            command.add_argument("service", type=_service)
        if name in {"history", "status"}:
            command.add_argument("--json", action="store_true", help="print JSON")
        if name == "rollback":
            command.add_argument(
                "--to", type=int, help="number of the release; default: the newest earlier release"
            )
        if name == "logs":
            logs.add_flags(command)
        if name == "exec":
            command.add_argument("words", nargs="+", metavar="WORD", help="the command, after --")
    commands.add_parser("configure-metrics", help="put the reporter's settings on stdin in force")
    commands.add_parser("make-database-role", help="make the role of the document on stdin")
    commands.add_parser("report-metrics", help="post the metrics of this host once")
    commands.add_parser("ship-logs", help="post new lines of the log to Oracle Logging once")
    backup_commands.add_parsers(commands, _service)
    access.add_parsers(commands, _service)
    os_commands.add_parsers(commands)
    for name in ("apply", "rollback", "backup", "restore"):
        commands.choices[name].add_argument("--by", default="", help="the person, for the records")
    return parser


def _service(name: str) -> str:
    if name and not SERVICE.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{name!r} is not a service's name")
    return name


def _caller(arguments: argparse.Namespace) -> Caller:
    return Caller.of(arguments.by)


def dispatch(arguments: argparse.Namespace) -> int:
    commands: dict[str, Callable[[], int]] = {
        "apply": lambda: apply(
            sys.stdin.buffer.read(), planned=arguments.number, caller=_caller(arguments)
        ),
        "rollback": lambda: roll_back(arguments.service, arguments.to, caller=_caller(arguments)),
        "history": lambda: show_history(arguments.service, as_json=arguments.json),
        "finish": lambda: finish(arguments.service),
        "status": lambda: show_status(arguments.service, as_json=arguments.json),
        "logs": lambda: show_logs(arguments),
        "exec": lambda: execute(arguments.service, arguments.words),
        "add-bytecode": add_bytecode,
        "install-proxy": lambda: install_proxy(arguments.hashes),
        "routes": restore_routes,
        "supervise": lambda: supervise(install=arguments.install),
        "data-volume": lambda: use_data_volume(arguments),
        "os": lambda: os_commands.run(arguments, _caller, under_lock),
        "configure-backup": configure_backup,
        "configure-metrics": configure_metrics,
        "make-database-role": make_database_role,
        "report-metrics": reporter.report,
        "ship-logs": reporter.ship_logs,
        "access": lambda: access.apply(sys.stdin.buffer.read()),
        "gate": lambda: gate.run(arguments.role, arguments.name),
        "authorize": lambda: access.authorize(sys.stdin.read()),
        "host-key": lambda: access.replace_host_key(sys.stdin.read()),
        "check-login": lambda: access.check_login(arguments.service),
        "note": lambda: access.note(arguments.text, _caller(arguments)),
        "backup": lambda: backup_commands.back_up(arguments, _caller(arguments)),
        "backups": lambda: backup_commands.show(arguments),
        "proof": lambda: backup_commands.prove(arguments, Progress(syslog.syslog)),
        "restore": lambda: restore(
            arguments.service, at=arguments.at, over=arguments.over, caller=_caller(arguments)
        ),
    }
    return commands[arguments.command]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
