"""The emulated Oracle Cloud's commands: `python -m localcloud start --home DIR`, and so on."""

import argparse
import fcntl
import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from common import command_line, docker, progress
from localcloud import clients, server
from localcloud.host import default_shape
from localcloud.machines import images, kubernetes, registry
from localcloud.machines.docker import DockerError, Present
from localcloud.machines.docker import present as present_in_docker
from localcloud.machines.machines import Machines
from localcloud.ocids import REGION
from localcloud.state import log_entries, mail
from localcloud.state.account import Account
from localcloud.state.customer_key import BUCKET, PREFIX, CustomerKey
from localcloud.state.home import Home, HomeError


def main() -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_args()
    return command_line.exit_status(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        arguments.run(arguments)
    except BrokenPipeError:
        raise  # the reader of the output is gone
    except (HomeError, DockerError, OSError) as error:
        raise progress.StepError(str(error)) from None
    return 0


def _start(arguments: argparse.Namespace) -> None:
    home = Home.open(arguments.home)
    with _one_at_a_time(home):
        machines = Machines(home)
        if not home.database.exists():
            _check_docker()
            # of a cloud in a folder of the same name, which was deleted and not stopped
            machines.remove_everything()
        bases = images.python_names()
        present = _present(*machines.surroundings, *bases)
        report = server.status(home)
        verbs = ("Prepare", "Start") if report is None else ("Check", "Check")
        if report is not None and server.is_older(report):
            verbs = ("Check", "Restart, with its changed code,")
        with progress.step(f"{verbs[0]} machines and the image registry"):
            machines.prepare(present, _show)
        with progress.step(f"{verbs[0]} the base images of services"):
            if not present.keys() >= set(bases):
                images.python(_show)
        with progress.step(f"{verbs[1]} the emulated Oracle Cloud at {home.endpoint}"):
            server.start(home)
    _print_description(home, bases)


def _stop(arguments: argparse.Namespace) -> None:
    home = Home.find(arguments.home)
    if home is None:
        _show(f"There is no emulated cloud at {arguments.home}.")
        return
    with _one_at_a_time(home), progress.step("Remove the emulated Oracle Cloud and its machines"):
        server.stop(home)
        _check_docker()
        Machines(home).remove_everything()
        shutil.rmtree(home.path)


def _restart(arguments: argparse.Namespace) -> None:
    home = _existing(arguments)
    with _one_at_a_time(home), progress.step("Restart the API server; machines keep running"):
        server.stop(home)
        server.start(home)


def _status(arguments: argparse.Namespace) -> None:
    home = _existing(arguments)
    status = server.status(home)
    if status is None:
        raise HomeError(
            f"The emulated cloud at {home.path} is not running. Start it: "
            f"python -m localcloud start --home {home.path}"
        )
    if arguments.json:
        print(json.dumps(status, indent=2))
        return
    print(f"{status['endpoint']} (process {status['pid']})")
    for resource in status["unreadable"]:
        print(f"UNREADABLE   {resource['ocid']} {resource['reason']}")
    for instance in status["instances"]:
        print(f"{instance['lifecycleState']:12} {instance['displayName']} {instance['id']}")
    for address in status["publicIps"]:
        print(f"{address['lifecycleState']:12} {address['ipAddress']}")


def _forget(arguments: argparse.Namespace) -> None:
    home = _existing(arguments)
    server.forget(home, arguments.ocid)
    _show(f"{arguments.ocid} is forgotten.")


def _describe(arguments: argparse.Namespace) -> None:
    _print_description(_existing(arguments), images.python(_show))


def _authority(arguments: argparse.Namespace) -> None:
    home = _existing(arguments)
    authority = Machines(home).authority
    with _one_at_a_time(home):
        if arguments.stop:
            with progress.step("Stop the certificate authority"):
                authority.stop()
            return
        with progress.step("Start the certificate authority"):
            authority.start(images.machine(_show), arguments.program, arguments.lifetime)
    print(json.dumps(authority.describe(), indent=2))


def _kubernetes(arguments: argparse.Namespace) -> None:
    home = _existing(arguments)
    with _one_at_a_time(home):
        program = kubernetes.name(home, arguments.program)
        images.node(_show)
    _show(f"New clusters of this cloud run Kubernetes {program.version}.")


def _print_description(home: Home, bases: tuple[str, str]) -> None:
    account = Account.open(home)
    base, builder = bases
    print(
        json.dumps(
            {
                "endpoint": home.endpoint,
                "client_host_overrides": clients.overrides(home.endpoint),
                "region": REGION,
                "tenancy_ocid": account.tenancy,
                "user_ocid": account.user,
                "compartment_ocid": account.compartment,
                "fingerprint": account.fingerprint,
                "private_key_file": str(account.private_key_file),
                "shape": default_shape(),
                "registry": {
                    "server": home.registry,
                    "username": registry.USERNAME,
                    "password_file": str(Machines(home).registry.password_file),
                    "pull_username": registry.PULL_USERNAME,
                    "pull_password_file": str(Machines(home).registry.pull_password_file),
                },
                "backup": {
                    "endpoint": f"{home.endpoint}{PREFIX}",
                    "bucket": BUCKET,
                    "access_key": CustomerKey.open(home).access_key,
                    "secret_key_file": str(CustomerKey.file(home)),
                },
                "metrics": {
                    "endpoint": home.endpoint,
                    "user_ocid": account.reporter.ocid,
                    "key_file": str(account.reporter.private_key_file),
                },
                "log": {"endpoint": home.endpoint, "ocid": account.log},
                "authority": Machines(home).authority.describe(),
                "docker_bases": {"base": base, "builder": builder},
            },
            indent=2,
        )
    )


def _mail(arguments: argparse.Namespace) -> None:
    for each in mail.received(_existing(arguments)):
        print(f"{each.at:%Y-%m-%d %H:%M:%S} UTC  to {each.to}\n{each.subject}\n")
        print(textwrap.indent(each.text, "    "))


def _logs(arguments: argparse.Namespace) -> None:
    for each in log_entries.stored(_existing(arguments).log_entries):
        if arguments.json:
            print(json.dumps(asdict(each)))
        else:
            at = datetime.fromtimestamp(each.at, UTC)
            print(f"{at:%Y-%m-%d %H:%M:%S} {each.source} {each.subject} | {each.data}")


def _serve(arguments: argparse.Namespace) -> None:
    server.serve(_existing(arguments))


def _coverage(_: argparse.Namespace) -> None:
    from localcloud import coverage  # noqa: PLC0415 - it imports all services

    print(coverage.page(), end="")


def _existing(arguments: argparse.Namespace) -> Home:
    home = Home.find(arguments.home)
    if home is None:
        raise HomeError(
            f"There is no emulated cloud at {arguments.home}. Make one: "
            f"python -m localcloud start --home {arguments.home}"
        )
    return home


def _present(*names: str) -> Present:
    """Return Docker's descriptions; name the way out if it does not answer."""
    try:
        return present_in_docker(*names)
    except DockerError:
        _check_docker()
        raise


def _check_docker() -> None:
    if problem := docker.engine_problem():
        raise HomeError(
            f"The emulated cloud's machines need Docker, and no engine answers: {problem}. Install "
            "Docker (Debian, Ubuntu: apt install docker.io), start its daemon (`systemctl start "
            "docker`), or join the group `docker` if permission is denied."
        )


@contextmanager
def _one_at_a_time(home: Home) -> Iterator[None]:
    """Let commands on the same home wait for each other; a killed command leaves no lock."""
    with (home.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if Home.find(home.path) is None:
            raise HomeError(f"{home.path} was removed by another command just now. Try again.")
        yield


def _show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], None], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    for name, run, text in (
        ("start", _start, "Start the cloud at DIR; safe to repeat."),
        ("stop", _stop, "Remove the cloud at DIR: API server, machines, volumes, registry, data."),
        ("restart", _restart, "Restart the API server alone, as after a crash or an upgrade."),
        ("status", _status, "Show the instances and addresses of the cloud at DIR."),
        ("mail", _mail, "Print the mails that the cloud at DIR has sent, oldest first."),
        ("logs", _logs, "Print the entries of the custom log of the cloud at DIR, oldest first."),
        ("forget", _forget, "Forget a stored resource that can't be read any more."),
        ("describe", _describe, "Print, as JSON, how to reach the cloud at DIR."),
        (
            "authority",
            _authority,
            "Start the certificate authority of the cloud at DIR; print its URL and its roots.",
        ),
        (
            "kubernetes",
            _kubernetes,
            "Name the program of the clusters of the cloud at DIR, and build their image.",
        ),
        (
            "serve",
            _serve,
            "Run the API server in the foreground; `start` does it in the background.",
        ),
    ):
        added = command(name, run, text)
        added.add_argument("--home", type=Path, required=True, metavar="DIR")
        if name in {"status", "logs"}:
            added.add_argument("--json", action="store_true", help="print JSON")
        if name == "authority":
            todo = added.add_mutually_exclusive_group(required=True)
            todo.add_argument("--program", type=Path, metavar="FILE", help="Pebble")
            todo.add_argument("--stop", action="store_true", help="stop it instead")
            added.add_argument(
                "--lifetime", type=int, metavar="SECONDS", help="of each certificate"
            )
        if name == "kubernetes":
            added.add_argument(
                "--program",
                type=Path,
                required=True,
                metavar="FILE",
                help="as `python -m toolchain kubernetes` prints it",
            )
        if name == "forget":
            added.add_argument("ocid", metavar="OCID", help="as the refusal or `status` names it")
    command("coverage", _coverage, "Print the coverage page, as Markdown.")
    return parser


if __name__ == "__main__":
    sys.exit(main())
