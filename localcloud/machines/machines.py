"""Machines: containers that boot, with systemd, sshd, cloud-init and a Docker engine of their own.

Docker is the memory: containers are found by name and label, so they survive a restart of the API
server.
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal

from localcloud.machines import capabilities, containers, firewall, images, kubernetes, seed
from localcloud.machines.authority import Authority
from localcloud.machines.balancers import Balancers
from localcloud.machines.bridge import Bridge
from localcloud.machines.databases import Databases
from localcloud.machines.docker import Present, docker, exists, inspect, labelled
from localcloud.machines.firewall import IngressRule
from localcloud.machines.gateway import Gateway, Route
from localcloud.machines.kubernetes import Program
from localcloud.machines.link_local import LinkLocal
from localcloud.machines.registry import Registry
from localcloud.machines.seed import MachineSpec
from localcloud.state.home import API_PORT, Home

VOLUMES = "/var/lib/localcloud/volumes"
_STOP_SECONDS = 20

__all__ = ["IngressRule", "MachineSpec", "Machines"]


class Machines:
    """All machines of a home, with their surroundings: bridge, gateway, registry, volumes."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._bridge = Bridge(home)
        self._gateway = Gateway(home)
        self._link_local = LinkLocal(home, self._bridge)
        self.registry = Registry(home, self._bridge)
        self.authority = Authority(home, self._bridge)
        self.databases = Databases(home, self._bridge)
        self.balancers = Balancers(home, self._bridge, self._gateway)
        self._volumes = f"{home.prefix}volumes"

    @property
    def surroundings(self) -> tuple[str, ...]:
        """Return Docker's names of all that machines need."""
        services = (*self.registry.names, self._gateway.name, self._link_local.name)
        return (images.machine_name(), self._bridge.name, *services, self._volumes)

    def prepare(self, present: Present, progress: Callable[[str], None]) -> None:
        """Build the image if it is missing, and start the services around machines. Idempotent.

        `present` describes the surroundings that exist.
        """
        image = images.machine_name()
        if image not in present:
            images.machine(progress)
        self._bridge.ensure(present)
        parts = (self.registry.ensure, self._gateway.ensure, self._link_local.ensure)
        # each mostly waits for Docker
        with ThreadPoolExecutor(len(parts)) as side_by_side:
            for started in [side_by_side.submit(ensure, image, present) for ensure in parts]:
                started.result()
        if self._volumes not in present:
            docker("volume", "create", "--label", self._home.label, self._volumes)

    def launch(self, spec: MachineSpec) -> None:
        """Create the machine and let it boot; it answers when cloud-init has let sshd start."""
        name = self._name(spec.instance_id)
        image, mounts = images.machine(_quietly), list[str]()
        if spec.in_a_cluster and (program := self.kubernetes):
            image, mounts = images.node(_quietly), ["--volume", program.mount]
        with self._bridge.free_address() as address:
            docker(
                *("create", "--name", name, "--hostname", spec.hostname),
                *(
                    "--label",
                    self._home.label,
                    "--label",
                    f"auth.localcloud.instance={spec.instance_id}",
                ),
                *("--network", self._bridge.name, "--ip", str(address)),
                # a guest that reboots ends its container: it comes back as a machine does
                *("--restart", "unless-stopped", "--stop-timeout", str(_STOP_SECONDS)),
                *capabilities.of_a_machine(),
                *_limits(spec.ocpus, spec.memory_in_gbs),
                *("--mount", self._mount(self._disk(spec.instance_id), "/var/lib/docker")),
                *("--volume", f"{self._volumes}:{VOLUMES}"),
                *("--volume", f"{self._home.api_socket.parent}:{seed.API_FOLDER}:ro"),
                *mounts,
                image,
            )
        files = seed.files(
            spec,
            registry=self._home.registry,
            api=f"{self._home.address}:{API_PORT}",
            ingress=self._filter(()),
        )
        docker("cp", "-", f"{name}:/", stdin=seed.archive(files))
        self._link_local.answer_with(str(address), spec.document)
        docker("start", name)
        self._gateway.update({spec.instance_id: Route(target=str(address))})

    @property
    def kubernetes(self) -> Program | None:
        """The program of clusters; None unless it was named."""
        return kubernetes.named(self._home)

    def run(self, instance_id: str, *argv: str) -> str:
        """Run a command in a machine as root, and return its output; raises DockerError."""
        return docker("exec", self._name(instance_id), *argv)

    def state(self, instance_id: str) -> Literal["RUNNING", "STOPPED"] | None:
        """Return the state of the machine, None if it does not exist."""
        container = inspect(self._name(instance_id))
        if container is None:
            return None
        return "RUNNING" if container["State"]["Running"] else "STOPPED"

    def bridge_address(self, instance_id: str) -> str | None:
        """Return the address from which the machine's packets reach other containers."""
        route = self._gateway.routes().get(instance_id)
        return route.target if route else None

    def start(self, instance_id: str, *, ocpus: float, memory_in_gbs: float) -> None:
        """Start a stopped machine, in the size that its instance has now."""
        docker("update", *_limits(ocpus, memory_in_gbs), self._name(instance_id))
        docker("start", self._name(instance_id))

    def stop(self, instance_id: str) -> None:
        """Shut the machine down; its disk stays."""
        docker("stop", self._name(instance_id))

    def terminate(self, instance_id: str) -> None:
        """Destroy the machine with its boot disk; attached volumes keep their data. Idempotent."""
        if route := self._gateway.routes().get(instance_id):
            self._link_local.answer_with(route.target, None)
        self._gateway.update({instance_id: None})
        if exists("container", self._name(instance_id)):
            docker("rm", "--force", "--volumes", self._name(instance_id))
        if exists("volume", self._disk(instance_id)):
            docker("volume", "rm", "--force", self._disk(instance_id))

    def set_ingress(self, instance_id: str, rules: Sequence[IngressRule]) -> None:
        """Put the whole list of rules in force, in the machine's network and at the gateway."""
        route = self._gateway.routes()[instance_id]
        firewall.tcp_ports(rules)  # refuse before anything is changed
        containers.put_packet_filter(self._name(instance_id), self._filter(rules))
        changed = Route(target=route.target, rules=tuple(rules), public_ip=route.public_ip)
        self._gateway.update({instance_id: changed})

    def describe(self, instance_id: str, document: Mapping[str, Any]) -> None:
        """Replace the document that the metadata service answers the machine."""
        self._link_local.answer_with(self._gateway.routes()[instance_id].target, document)

    def publish(self, public_ip: str, instance_id: str) -> None:
        """Lead a public address to the machine: it answers at the ports that rules open."""
        route = self._gateway.routes()[instance_id]
        changed = Route(target=route.target, rules=route.rules, public_ip=public_ip)
        self._gateway.update({instance_id: changed})

    def unpublish(self, public_ip: str) -> None:
        """Let nothing answer at a public address."""
        self._gateway.update(
            {
                instance: Route(target=route.target, rules=route.rules)
                for instance, route in self._gateway.routes().items()
                if route.public_ip == public_ip
            }
        )

    def size_volume(self, volume_id: str, size_in_gbs: int) -> None:
        """Make a volume, or make it bigger: a sparse file, which takes the space of its content.

        It is never cut (`>`). A machine that has it attached sees the new size after a rescan, a
        reboot or another attachment.
        """
        self._on_volumes("truncate", f"--size=>{size_in_gbs}G", f"/volumes/{volume_id}")

    def delete_volume(self, volume_id: str) -> None:
        """Delete the file of a volume. Idempotent."""
        self._on_volumes("rm", "--force", f"/volumes/{volume_id}")

    def attach_volume(self, instance_id: str, volume_id: str, device: str) -> None:
        """Show a volume to the machine as a block device, now and after each reboot."""
        unit = Path(device).name
        wait = f'until [ -b "{device}" ]; do sleep 0.1; done'
        containers.put(
            self._name(instance_id),
            f"/etc/localcloud/volumes/{unit}",
            f"{VOLUMES}/{volume_id}\n",
            then=f"{_systemctl('enable --now', unit)} && exec timeout 15 sh -c '{wait}'",
        )

    def detach_volume(self, instance_id: str, volume_id: str) -> None:
        """Take the volume away. A file system still mounted keeps the device until it is not."""
        if self.state(instance_id) != "RUNNING":
            return
        script = 'cd /etc/localcloud/volumes && grep -lx "$1" * || true'
        units = docker(
            *("exec", self._name(instance_id), "sh", "-c", script, "find", f"{VOLUMES}/{volume_id}")
        )
        for unit in units.split():
            script = f"{_systemctl('disable --now', unit)} && rm /etc/localcloud/volumes/{unit}"
            docker("exec", self._name(instance_id), "sh", "-c", script)

    def remove_everything(self) -> None:
        """Remove everything of this home from Docker."""
        if names := labelled(self._home.label)["container"]:
            docker("rm", "--force", "--volumes", *names)
        for kind in ("volume", "network"):
            names = labelled(self._home.label)[kind]
            if names:
                docker(kind, "rm", *names)
        self.registry.forget_images()

    def _filter(self, rules: Sequence[IngressRule]) -> str:
        return firewall.packet_filter(rules, host=IPv4Address(self._bridge.host))

    def _on_volumes(self, *argv: str) -> None:
        image = images.machine(_quietly)
        docker(
            "run",
            "--rm",
            "--network",
            "none",
            "--volume",
            f"{self._volumes}:/volumes",
            image,
            *argv,
        )

    def _name(self, instance_id: str) -> str:
        return f"{self._home.prefix}vm-{instance_id.rpartition('.')[2][-12:]}"

    def _mount(self, volume: str, target: str) -> str:
        return f"source={volume},target={target},volume-label={self._home.label}"

    def _disk(self, instance_id: str) -> str:
        return f"{self._name(instance_id)}-docker"


def _systemctl(action: str, unit: str) -> str:
    """Return a line that changes a volume's service; just after boot systemd may not listen yet."""
    command = f"systemctl --quiet {action} localcloud-volume@{unit}.service"
    return f"(i=0; until {command}; do i=$((i+1)); [ $i -lt 50 ] || exit 1; sleep 0.2; done)"


def _limits(ocpus: float, memory_in_gbs: float) -> list[str]:
    """Return the limits of a size, as far as this computer goes. An OCPU of x86 is two vCPUs."""
    vcpus = ocpus * (2 if platform.machine() == "x86_64" else 1)
    page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    memory = min(int(memory_in_gbs * (1 << 30)), page * pages)
    return [
        f"--cpus={min(vcpus, os.cpu_count() or 1)}",
        # the image has no swap
        *(f"--memory={memory}", f"--memory-swap={memory}"),
    ]


def _quietly(_: str) -> None:
    """Show no progress: `prepare` has built the image."""
