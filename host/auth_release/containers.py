"""The containers of one service, through Docker's client."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import logins, network
from .desired import Desired
from .errors import ReleaseError
from .failures import visible
from .listening import open_connections
from .programs import run, succeeds
from .records import STATE, Record

DATA = Path("/srv/auth")
LOG_LINES = 20
_TAGS = "auth-release"  # the repository of images that are kept; it is in no registry


@dataclass(frozen=True, kw_only=True)
class Container:
    """What Docker tells of a container that carries a release's number."""

    name: str
    running: bool
    exit_code: int
    restarts: int
    fingerprint: str
    image: str
    environment: Mapping[str, str]  # as it is, with what the image brings
    memory: int  # bytes
    process: int = 0  # its first, as this host numbers it; 0: it does not run
    address: str = ""  # in the containers' network; empty: it has none that stays
    port: int = 0  # that it serves at this address
    host_port: int = 0  # of this host's loopback, of a container without such an address; 0: none

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Container":
        labels = told["Config"]["Labels"]
        pairs = (pair.partition("=") for pair in told["Config"]["Env"] or ())
        return cls(
            name=_name(told),
            running=told["State"]["Running"] and not told["State"]["Restarting"],
            exit_code=told["State"]["ExitCode"],
            restarts=told["RestartCount"],
            fingerprint=labels.get("auth.fingerprint", ""),
            image=told["Config"]["Image"],
            environment={name: value for name, _, value in pairs},
            memory=told["HostConfig"]["Memory"],
            process=told["State"]["Pid"],
            port=int(labels.get("auth.port", "0")),
            address=_address(told["NetworkSettings"]["Networks"]),
            host_port=_host_port(told["HostConfig"]["PortBindings"]),
        )

    def connections(self) -> int:
        """Count the connections that it serves."""
        if self.address:
            return open_connections(self.process, self.port)
        return open_connections("self", self.host_port)


class Docker:
    """Starts, finds and removes the containers of a service: each is labelled with its release."""

    def pull(self, desired: Desired) -> None:
        """Fetch the image by digest."""
        with logins.for_docker(desired) as folder:
            env = {"DOCKER_CONFIG": str(folder)}
            run("docker", "pull", "--quiet", desired.image, timeout=600, env=env)

    def has_image(self, image: str) -> bool:
        return succeeds("docker", "image", "inspect", image)

    def start(self, record: Record, secrets: Path) -> None:
        run(
            *("docker", "run", "--detach", "--name", record.container),
            *("--label", f"auth.service={record.desired.service}"),
            *("--label", f"auth.release={record.number}"),
            *("--label", f"auth.fingerprint={record.fingerprint}"),
            *("--label", f"auth.port={record.desired.port}"),
            # until it is live: a reboot must not bring back a half-made release
            "--restart=no",
            *("--ip", record.address),
            *("--stop-timeout", str(record.desired.stop_seconds)),
            *_confinement(record.desired, secrets),
            record.desired.image,
        )

    def run_hook(self, record: Record, secrets: Path, argv: Sequence[str]) -> str:
        """Run a command in a container of its own, like the service's; give what it said."""
        desired = record.desired
        return run(
            *("docker", "run", "--rm", "--name", f"{record.container}-hook"),
            *("--label", f"auth.hook={desired.service}"),
            *_confinement(desired, secrets),
            *(desired.image, *argv),
            timeout=desired.hooks.seconds,
        )

    def hooks(self, service: str) -> list[str]:
        """Name the containers of hooks: there are some only if a run was interrupted."""
        names = run(
            *("docker", "ps", "--all", "--filter", f"label=auth.hook={service}"),
            *("--format", "{{.Names}}"),
        ).split()
        return [name for name in names if re.fullmatch(rf"{service}-[0-9]+-hook", name)]

    def keep_over_reboots(self, container: str, *, keep: bool) -> None:
        policy = "unless-stopped" if keep else "no"
        run("docker", "update", f"--restart={policy}", container)

    def containers(self, service: str) -> dict[int, Container]:
        """Find the service's containers, running or not, by release number."""
        labelled = self._labelled(service)
        numbers = {
            int(each["Config"]["Labels"]["auth.release"]): each
            for each in labelled
            if _is_release(service, each)
        }
        return {number: Container.read(told) for number, told in numbers.items()}

    def foreign(self, service: str) -> list[str]:
        """Name the containers that carry the service's label and that this tool did not make.

        Labels come with an image: `docker commit` of a release's container hands them on.
        """
        labelled = self._labelled(service)
        return sorted(_name(each) for each in labelled if not _is_release(service, each))

    @staticmethod
    def _labelled(service: str) -> list[Mapping[str, Any]]:
        listing = ("docker", "ps", "--all", "--quiet", "--filter", f"label=auth.service={service}")
        while ids := run(*listing).split():
            try:
                return list(json.loads(run("docker", "inspect", *ids)))
            except ReleaseError:
                # a release that ends takes its containers away meanwhile
                if {*ids} <= {*run(*listing).split()}:
                    raise
        return []

    def image_environment(self, image: str) -> dict[str, str]:
        """Give the variables that an image brings."""
        told = json.loads(run("docker", "image", "inspect", image))[0]
        pairs = (pair.partition("=") for pair in told["Config"]["Env"] or ())
        return {name: value for name, _, value in pairs}

    def logs(self, container: str, lines: int = LOG_LINES) -> list[str]:
        """Return the container's last lines, without what would steer a terminal."""
        result = subprocess.run(
            ["docker", "logs", "--tail", str(lines), container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return [visible(line) for line in result.stdout.split("\n") if line]

    def stop_and_remove(self, container: str, *, grace: int) -> None:
        run("docker", "stop", "--time", str(grace), container, timeout=grace + 60)
        run("docker", "rm", "--force", container)

    def remove_image(self, image: str) -> None:
        """Forget an image that no release needs: a tag says that one does, of any service."""
        tags = "{{range .RepoTags}}{{.}} {{end}}"
        if not run("docker", "image", "inspect", "--format", tags, image).strip():
            # one that another container still uses stays; the next prune takes it
            succeeds("docker", "image", "rm", image)

    def tags(self, service: str) -> set[int]:
        """Return the releases whose images are tagged."""
        name = f"{_TAGS}/{service}"
        listed = run("docker", "image", "ls", "--format", "{{.Tag}}", name).split()
        return {int(tag) for tag in listed if tag.isdigit()}

    def tag(self, record: Record) -> None:
        """Name a release's image: `docker system prune` takes images without a tag."""
        run("docker", "tag", record.desired.image, _tag(record.desired.service, record.number))

    def untag(self, service: str, number: int) -> None:
        succeeds("docker", "image", "rm", _tag(service, number))


def _name(told: Mapping[str, Any]) -> str:
    return str(told["Name"]).lstrip("/")


def _is_release(service: str, told: Mapping[str, Any]) -> bool:
    number = told["Config"]["Labels"].get("auth.release", "")
    return bool(re.fullmatch("[1-9][0-9]*", number)) and _name(told) == f"{service}-{number}"


def _address(networks: Mapping[str, Mapping[str, Any]]) -> str:
    return str(((networks.get(network.NAME) or {}).get("IPAMConfig") or {}).get("IPv4Address", ""))


def _host_port(bindings: Mapping[str, Sequence[Mapping[str, str]]] | None) -> int:
    ports = [binding["HostPort"] for each in (bindings or {}).values() for binding in each or ()]
    return int(ports[0]) if ports and ports[0].isdigit() else 0


def _tag(service: str, number: int) -> str:
    return f"{_TAGS}/{service}:{number}"


def _confinement(desired: Desired, secrets: Path) -> list[str]:
    """Give the flags for what a container of the service sees and may use."""
    data = DATA / desired.service
    data.mkdir(mode=0o750, exist_ok=True)
    os.chown(data, desired.uid, desired.uid)
    limits = desired.limits
    resolvers = network.ensure(STATE)
    return [
        "--pull=never",
        # not the image's choice: an image that wants to be root is not
        f"--user={desired.uid}:{desired.uid}",
        *("--network", network.NAME),
        # the network's own resolver is the engine: without it no name would be known
        *("--volume", f"{resolvers}:/etc/resolv.conf:ro"),
        *(f"--env={name}={value}" for name, value in sorted(desired.variables.items())),
        # a --volume would make the folder where it is missing, beside the data volume
        *("--mount", f"type=bind,source={data},target=/data"),
        *("--volume", f"{secrets}:/run/secrets:ro"),
        *("--read-only", "--tmpfs", "/tmp:rw,noexec,nosuid,size=16m"),  # noqa: S108 - its own
        *("--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--init"),
        *("--memory", limits.memory, "--memory-swap", limits.memory),
        *("--cpus", limits.cpus, "--pids-limit", str(limits.pids)),
    ]
