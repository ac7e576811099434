"""The bridge: the home's own Docker network, with addresses that survive restarts."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network

from localcloud.machines.docker import Present, docker
from localcloud.state.home import Home

REGISTRY_HOST, LINK_LOCAL_HOST, READERS_REGISTRY_HOST, FIRST_MACHINE_HOST = 2, 3, 4, 10


class Bridge:
    """A Docker network with fixed addresses.

    Docker fixes addresses only in a subnet that was named when the network was created, and finds a
    free subnet only when no subnet is named. So the network is created twice: first Docker picks a
    subnet, then it is named.
    """

    def __init__(self, home: Home) -> None:
        self.name = f"{home.prefix}net"
        self._label = home.label
        self._lock = threading.Lock()

    def ensure(self, present: Present) -> None:
        """Create the network unless it exists."""
        with self._lock:
            if self.name in present:
                return
            docker("network", "create", "--label", self._label, self.name)
            subnet = str(self.subnet)
            docker("network", "rm", self.name)
            docker("network", "create", "--label", self._label, "--subnet", subnet, self.name)

    @property
    def subnet(self) -> IPv4Network:
        """The network's block."""
        network = json.loads(docker("network", "inspect", self.name))[0]
        return IPv4Network(network["IPAM"]["Config"][0]["Subnet"])

    @property
    def host(self) -> IPv4Address:
        """The bridge's own address, from which the computer's packets come."""
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
