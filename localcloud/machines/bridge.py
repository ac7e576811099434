"""The home's own network on the Docker bridge: addresses that survive restarts."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network

from localcloud.machines.docker import docker, exists
from localcloud.state.home import Home

REGISTRY_HOST, LINK_LOCAL_HOST, READERS_REGISTRY_HOST, FIRST_MACHINE_HOST = 2, 3, 4, 10


class Bridge:
    """One Docker network with fixed addresses.

    Those need a subnet that was named, and Docker finds a free one only when none is: so Docker
    picks one first, and it is named then.
    """

    def __init__(self, home: Home) -> None:
        self.name = f"{home.prefix}net"
        self._label = home.label
        self._lock = threading.Lock()

    def ensure(self) -> None:
        with self._lock:
            if exists("network", self.name):
                return
            docker("network", "create", "--label", self._label, self.name)
            subnet = str(self.subnet)
            docker("network", "rm", self.name)
            docker("network", "create", "--label", self._label, "--subnet", subnet, self.name)

    @property
    def subnet(self) -> IPv4Network:
        found = json.loads(docker("network", "inspect", self.name))[0]
        return IPv4Network(found["IPAM"]["Config"][0]["Subnet"])

    @property
    def host(self) -> IPv4Address:
        """Give the bridge's own address: where the host's packets come from."""
        return self.subnet[1]

    @contextmanager
    def free_address(self) -> Iterator[IPv4Address]:
        """Yield an address that no machine of this network holds, running or not.

        Nobody else gets it meanwhile: the machine that takes it must be created inside.
        """
        with self._lock:
            yield self._find_address()

    def _find_address(self) -> IPv4Address:
        ids = docker("ps", "--all", "--quiet", "--filter", f"network={self.name}").split()
        taken = set()
        for container in json.loads(docker("container", "inspect", *ids)) if ids else []:
            settings = container["NetworkSettings"]["Networks"][self.name]
            taken.add((settings.get("IPAMConfig") or {}).get("IPv4Address"))
        subnet = self.subnet
        return next(
            subnet[host]
            for host in range(FIRST_MACHINE_HOST, subnet.num_addresses - 1)
            if str(subnet[host]) not in taken
        )
