"""Load balancers: containers with the distribution's HAProxy."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from localcloud.machines import containers, firewall, images, seed
from localcloud.machines.bridge import Bridge
from localcloud.machines.docker import docker, exists, inspect
from localcloud.machines.firewall import IngressRule
from localcloud.machines.gateway import Gateway, Route
from localcloud.state.home import Home

_READY_SECONDS = 30
_STATISTICS = 'echo "show stat" | socat -t 5 stdio /run/haproxy/admin.sock'
_CAPABILITIES = (
    *("NET_ADMIN", "NET_RAW"),  # to filter packets
    "NET_BIND_SERVICE",
    # HAProxy's master gives its workers a user without rights, and later tells them to end
    *("SETUID", "SETGID", "DAC_OVERRIDE", "KILL"),
)


@dataclass(frozen=True, kw_only=True)
class BalancerSpec:
    """A load balancer to launch, at its private address. `vcn` has the blocks of its VCN."""

    balancer_id: str
    private_ip: str
    prefix_length: int
    vcn: Sequence[str]


class Balancers:
    """All load balancers of a home. Docker is the memory, as it is for machines."""

    def __init__(self, home: Home, bridge: Bridge, gateway: Gateway) -> None:
        self._home, self._bridge, self._gateway = home, bridge, gateway

    def launch(self, spec: BalancerSpec) -> None:
        """Create and start HAProxy, which lets nobody in yet, and wait until it answers."""
        name = self._name(spec.balancer_id)
        image = images.balancer(lambda _: None)
        with self._bridge.free_address() as address:
            docker(
                *("create", "--name", name, "--label", self._home.label),
                *("--network", self._bridge.name, "--ip", str(address)),
                *("--restart", "unless-stopped", "--cap-drop", "ALL"),
                *(f"--cap-add={each}" for each in _CAPABILITIES),
                # an open file for each end of a connection
                *("--ulimit", "nofile=20000:20000"),
                image,
            )
        contents = {
            "etc/localcloud/network": (
                f"PRIVATE_IP={spec.private_ip}\nPREFIX_LENGTH={spec.prefix_length}\n"
                f'VCN="{" ".join(spec.vcn)}"\n'
            ),
            "etc/localcloud/ingress": firewall.packet_filter(()),
        }
        docker("cp", "-", f"{name}:/", stdin=seed.archive(contents))
        docker("start", name)
        self._gateway.update({spec.balancer_id: Route(target=str(address))})
        ready = ("test", "-S", "/run/haproxy/admin.sock")
        containers.wait_until(name, *ready, server="HAProxy", seconds=_READY_SECONDS, pause=0.1)

    def exists(self, balancer_id: str) -> bool:
        """Return whether the load balancer has a container, running or not."""
        return inspect(self._name(balancer_id)) is not None

    def configure(self, balancer_id: str, revision: int, files: Mapping[str, str]) -> None:
        """Put a configuration in force without losing a request; raises DockerError for a bad one.

        `files` has the file `haproxy.cfg`, whose description is the revision, and its certificates.
        """
        docker(
            *("exec", "--interactive", self._name(balancer_id)),
            *("/usr/local/sbin/localcloud-balancer-apply", str(revision)),
            stdin=seed.archive(files),
        )

    def statistics(self, balancer_id: str) -> list[dict[str, str]]:
        """Return HAProxy's statistics of backends and their servers, a row each."""
        answer = docker("exec", self._name(balancer_id), "sh", "-c", _STATISTICS)
        return list(csv.DictReader(answer.removeprefix("# ").strip().splitlines()))

    def set_reach(
        self, balancer_id: str, rules: Sequence[IngressRule], public_ip: str | None
    ) -> None:
        """Put the whole list of rules in force, and answer at the public address."""
        route = self._gateway.routes()[balancer_id]
        firewall.tcp_ports(rules)  # refuse before anything is changed
        accepted = firewall.packet_filter(rules, host=IPv4Address(self._bridge.host))
        containers.put_packet_filter(self._name(balancer_id), accepted)
        changed = Route(target=route.target, rules=tuple(rules), public_ip=public_ip)
        self._gateway.update({balancer_id: changed})

    def terminate(self, balancer_id: str) -> None:
        """Destroy the load balancer. Idempotent."""
        self._gateway.update({balancer_id: None})
        name = self._name(balancer_id)
        if exists("container", name):
            docker("rm", "--force", name)

    def _name(self, balancer_id: str) -> str:
        return f"{self._home.prefix}lb-{balancer_id.rpartition('.')[2][-12:]}"
