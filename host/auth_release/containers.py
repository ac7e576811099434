"""The containers of a service, through Docker's client and the API of its engine."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import engine_api, logins, moments, network
from .desired import Desired
from .failures import visible
from .listening import listens, open_connections
from .programs import run, succeeds
from .records import STATE, Record

DATA = Path("/srv/auth")
IMAGES = Path("/var/lib/docker")
LOG_LINES = 20
_SILENT_GRACE = 5  # seconds
_ENDING_SECONDS = 10
_EVENTS_SINCE = "24h"  # Docker keeps the last 256 events, in its memory
_TAGS = "auth-release"  # the repository of the kept images' tags; no registry has it


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container with a release's number, as Docker describes it."""

    name: str
    running: bool
    exit_code: int
    restarts: int
    fingerprint: str
    image: str
    environment: Mapping[str, str]  # the whole of it, with the image's own variables
    memory: int  # bytes
    process: int = 0  # its first process, by this host's numbers; 0: it does not run
    address: str = ""  # in the containers' network; empty: it has no fixed address
    port: int = 0  # that it serves at this address
    host_port: int = 0  # on this host's loopback, for a container without a fixed address; or 0

    @classmethod
    def read(cls, inspected: Mapping[str, Any]) -> "Container":
        """Read an entry of `docker inspect`."""
        config, state = inspected["Config"], inspected["State"]
        labels = config["Labels"]
        pairs = (pair.partition("=") for pair in config["Env"] or ())
        return cls(
            name=name_of(inspected),
            running=state["Running"] and not state["Restarting"],
            exit_code=state["ExitCode"],
            restarts=inspected["RestartCount"],
            fingerprint=labels.get("auth.fingerprint", ""),
            image=config["Image"],
            environment={name: value for name, _, value in pairs},
            memory=inspected["HostConfig"]["Memory"],
            process=state["Pid"],
            port=int(labels.get("auth.port", "0")),
            address=_address(inspected["NetworkSettings"]["Networks"]),
            host_port=_host_port(inspected["HostConfig"]["PortBindings"]),
        )

    def connections(self) -> int:
        """Count the container's open connections."""
        if self.address:
            return open_connections(self.process, self.port)
        return open_connections("self", self.host_port)


@dataclass(frozen=True, kw_only=True)
class End:
    """The end of a container's first process."""

    exit_code: int
    at: float  # seconds since 1970


class Docker:
    """Starts, lists and removes the containers of a service; labels name service and release."""

    def pull(self, desired: Desired) -> None:
        """Fetch the image by digest."""
        with logins.for_docker(desired.service, desired.registry) as folder:
            env = {"DOCKER_CONFIG": str(folder)}
            run("docker", "pull", "--quiet", desired.image, timeout=600, env=env)

    def has_image(self, image: str) -> bool:
        try:
            engine_api.image(image)
        except engine_api.AbsentError:
            return False
        return True

    def start(self, record: Record, secrets: Path) -> None:
        run(
            *("docker", "run", "--detach", "--name", record.container),
            *("--label", f"auth.service={record.desired.service}"),
            *("--label", f"auth.release={record.number}"),
            *("--label", f"auth.fingerprint={record.fingerprint}"),
            *("--label", f"auth.port={record.desired.port}"),
            # until the switch: a reboot must not bring back an unfinished release
            "--restart=no",
            *("--ip", record.address),
            *("--stop-timeout", str(record.desired.stop_seconds)),
            *_confinement(record.desired, secrets),
            record.desired.image,
        )

    def run_hook(self, record: Record, secrets: Path, argv: Sequence[str]) -> str:
        """Run a command in a container of its own, like the service's; return its output."""
        desired = record.desired
        return run(
            *("docker", "run", "--rm", "--name", f"{record.container}-hook"),
            *("--label", f"auth.hook={desired.service}"),
            *_confinement(desired, secrets),
            *(desired.image, *argv),
            timeout=desired.hooks.seconds,
        )

    def hooks(self, service: str) -> list[str]:
        """List the containers of hooks; only an interrupted run leaves any."""
        names = [
            listed["Names"][0].lstrip("/")
            for listed in engine_api.listed(f"auth.hook={service}")
            if listed["Names"]
        ]
        return [name for name in names if re.fullmatch(rf"{service}-[0-9]+-hook", name)]

    def keep_over_reboots(self, container: str, *, keep: bool) -> None:
        policy = "unless-stopped" if keep else "no"
        engine_api.update(container, {"RestartPolicy": {"Name": policy}})

    def containers(self, service: str) -> dict[int, Container]:
        """Return the service's containers by release number, running or not."""
        return {
            int(inspected["Config"]["Labels"]["auth.release"]): Container.read(inspected)
            for inspected in self.labelled(service)
            if _is_release(service, inspected)
        }

    def has_ended(self, container: Container) -> bool:
        """Whether a container's first process is gone; the kernel answers faster than Docker."""
        return not Path(f"/proc/{container.process}").exists()

    def ends_soon(self, container: Container) -> bool:
        """Whether a container's first process is gone, or goes soon.

        A process that has closed its port still answers its open requests before it ends.
        """
        deadline = time.monotonic() + _ENDING_SECONDS
        while not self.has_ended(container):
            if listens(container.process, container.port) or time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        return True

    def foreign(self, service: str) -> list[str]:
        """List the containers with the service's label that this tool did not make.

        An image has labels, too: `docker commit` of a release's container copies them.
        """
        entries = self.labelled(service)
        return sorted(name_of(each) for each in entries if not _is_release(service, each))

    def labelled(self, service: str) -> list[Mapping[str, Any]]:
        """Return the service's entries of `docker inspect`; without a name, of all services."""
        label = f"auth.service={service}" if service else "auth.service"
        described = []
        for listed in engine_api.listed(label):
            # a release that ends removes its containers meanwhile
            with contextlib.suppress(engine_api.AbsentError):
                described.append(engine_api.container(listed["Id"]))
        return described

    def image_environment(self, image: str) -> dict[str, str]:
        """Return the environment variables that an image sets."""
        pairs = (pair.partition("=") for pair in engine_api.image(image)["Config"]["Env"] or ())
        return {name: value for name, _, value in pairs}

    def last_end(self, container: str) -> End | None:
        """Return the last end of a container that Docker started again, from Docker's events.

        A description of the container has the exit code of its present start alone.
        """
        lines = run(
            *("docker", "events", "--since", _EVENTS_SINCE, "--until", f"{time.time():.9f}"),
            *("--filter", f"container={container}", "--filter", "event=die"),
            *("--format", "{{.TimeNano}} {{.Actor.Attributes.exitCode}}"),
        ).splitlines()
        if not lines:
            return None
        nanoseconds, code = lines[-1].split()
        return End(exit_code=int(code), at=int(nanoseconds) / 1e9)

    def logs(
        self, container: str, lines: int = LOG_LINES, *, until: float | None = None
    ) -> list[str]:
        """Return the container's last lines, with control characters escaped.

        `until` is a time in seconds since 1970: later lines are left out.
        """
        limit = [] if until is None else ["--until", f"{until:.9f}"]
        # the last lines of a container that just ended may be on their way
        succeeds("journalctl", "--sync")
        return [visible(line) for line in _logs("--tail", str(lines), *limit, container)]

    def timed_logs(self, container: str, *, since: float | None) -> Iterator[tuple[float, str]]:
        """Return the container's lines with their times, in seconds since 1970."""
        limit = [] if since is None else ["--since", f"{since:.9f}"]
        for line in _logs("--timestamps", *limit, container):
            at, _, text = line.partition(" ")
            yield moments.precise(at), text

    def restart(self, container: str) -> None:
        """Start a container again; a process that gives no answer gets little time to end."""
        run("docker", "restart", "--time", str(_SILENT_GRACE), container, timeout=120)

    def stop_and_remove(self, container: str, *, grace: int) -> None:
        run("docker", "stop", "--time", str(grace), container, timeout=grace + 60)
        run("docker", "rm", "--force", container)

    def remove_image(self, image: str) -> None:
        """Remove an image without a tag: a tag marks a kept release, of any service."""
        tags = "{{range .RepoTags}}{{.}} {{end}}"
        if not run("docker", "image", "inspect", "--format", tags, image).strip():
            # Docker refuses while another container uses it; the next prune removes it
            succeeds("docker", "image", "rm", image)

    def tags(self, service: str) -> set[int]:
        """Return the numbers of the releases with a tagged image."""
        name = f"{_TAGS}/{service}"
        listed = run("docker", "image", "ls", "--format", "{{.Tag}}", name).split()
        return {int(tag) for tag in listed if tag.isdigit()}

    def tag(self, record: Record) -> None:
        """Tag a release's image: `docker system prune` removes images without a tag."""
        run("docker", "tag", record.desired.image, _tag(record.desired.service, record.number))

    def untag(self, service: str, number: int) -> None:
        succeeds("docker", "image", "rm", _tag(service, number))


def _logs(*argv: str) -> list[str]:
    result = subprocess.run(
        ["docker", "logs", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return [line for line in result.stdout.split("\n") if line]


def name_of(inspected: Mapping[str, Any]) -> str:
    return str(inspected["Name"]).lstrip("/")


def _is_release(service: str, inspected: Mapping[str, Any]) -> bool:
    number = inspected["Config"]["Labels"].get("auth.release", "")
    return bool(re.fullmatch("[1-9][0-9]*", number)) and name_of(inspected) == f"{service}-{number}"


def _address(networks: Mapping[str, Mapping[str, Any]]) -> str:
    return str(((networks.get(network.NAME) or {}).get("IPAMConfig") or {}).get("IPv4Address", ""))


def _host_port(bindings: Mapping[str, Sequence[Mapping[str, str]]] | None) -> int:
    ports = [binding["HostPort"] for each in (bindings or {}).values() for binding in each or ()]
    return int(ports[0]) if ports and ports[0].isdigit() else 0


def _tag(service: str, number: int) -> str:
    return f"{_TAGS}/{service}:{number}"


def _at_most_here(cpus: str) -> str:
    """Return the number of processors, bounded by the VM's: Docker refuses a larger number."""
    return f"{min(float(cpus), len(os.sched_getaffinity(0))):g}"


def _confinement(desired: Desired, secrets: Path) -> list[str]:
    """Return Docker's flags for the files, the network and the limits of a container."""
    data = DATA / desired.service
    data.mkdir(mode=0o750, exist_ok=True)
    os.chown(data, desired.uid, desired.uid)
    limits = desired.limits
    resolvers = network.ensure(STATE)
    return [
        "--pull=never",
        # the desired state decides, not the image, which may ask for root
        f"--user={desired.uid}:{desired.uid}",
        *("--network", network.NAME),
        # Docker's engine would resolve names itself, and no name while it is stopped
        *("--volume", f"{resolvers}:/etc/resolv.conf:ro"),
        *(f"--env={name}={value}" for name, value in sorted(desired.variables.items())),
        # a --volume would create a missing folder beside the data volume
        *("--mount", f"type=bind,source={data},target=/data"),
        *("--volume", f"{secrets}:/run/secrets:ro"),
        *("--read-only", "--tmpfs", "/tmp:rw,noexec,nosuid,size=16m"),  # noqa: S108 - its own
        *("--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--init"),
        *("--memory", limits.memory, "--memory-swap", limits.memory),
        *("--cpus", _at_most_here(limits.cpus), "--pids-limit", str(limits.pids)),
    ]
