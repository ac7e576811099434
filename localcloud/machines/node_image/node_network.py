"""The network of a node's pods: a VXLAN between all nodes, as OKE's flannel overlay has it.

Watches the nodes of the cluster as kube-proxy: a kubelet may see its own node alone. An own pod
network becomes the configuration of the container runtime's network plugin, the pod network of
another node becomes a route into the overlay.

    python3 node_network.py CONFIGURATION

The address of a node's end of the overlay is the first of its pod network, and its MAC address is
made of the node's address: so each node knows them of all others without asking.
"""

import http.client
import ipaddress
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEVICE, PORT, NETWORK_ID, MTU = "flannel.1", 14789, 1, 1450
PLUGIN = Path("/etc/cni/net.d/10-localcloud.conflist")
SILENT_SECONDS = 330  # the API server ends a watch after 5 minutes
RETRY_SECONDS = 0.5


def main(file: Path) -> None:
    """Follow the nodes; never returns."""
    configuration = json.loads(file.read_text())
    overlay = Overlay(configuration["node"], configuration["vcn"], configuration["pods"])
    while True:
        try:
            for change in changes(configuration):
                overlay.apply(change["type"], change["object"])
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"The watch of the nodes ended: {error!r}", file=sys.stderr, flush=True)
        time.sleep(RETRY_SECONDS)


def changes(configuration: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the changes of nodes, all existing nodes first."""
    context = ssl.create_default_context(cafile="/etc/kubernetes/ca.crt")
    context.load_cert_chain("/etc/kubernetes/kube-proxy.crt", "/etc/kubernetes/kube-proxy.key")
    connection = http.client.HTTPSConnection(
        configuration["server"], 6443, timeout=SILENT_SECONDS, context=context
    )
    try:
        connection.request("GET", "/api/v1/nodes?watch=1&timeoutSeconds=300")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"the API server answered {answer.status}: {answer.read(500)!r}")
        while line := answer.readline():
            yield json.loads(line)
    finally:
        connection.close()


class Overlay:
    """The node's end of the overlay."""

    def __init__(self, node: str, vcn: str, pods: str) -> None:
        self._node, self._vcn, self._pods = node, vcn, pods
        self._is_up = False
        self._peers: dict[str, str] = {}  # pod network by node

    def apply(self, kind: str, node: dict[str, Any]) -> None:
        """Take a node's change over."""
        network = node.get("spec", {}).get("podCIDR")
        addresses = node.get("status", {}).get("addresses", [])
        address = next((each["address"] for each in addresses if each["type"] == "InternalIP"), "")
        if address == self._node:
            if network and not self._is_up:
                self._set_up(network)
                self._is_up = True
        elif kind == "DELETED":
            self._forget(address)
        elif network and address and self._peers.get(address) != network:
            self._lead_to(address, network)

    def _set_up(self, network: str) -> None:
        if Path(f"/sys/class/net/{DEVICE}").exists():
            run("ip", "link", "delete", DEVICE)
        run(
            *("ip", "link", "add", DEVICE, "address", mac_of(self._node), "mtu", str(MTU)),
            *("type", "vxlan", "id", str(NETWORK_ID), "dstport", str(PORT)),
            *("local", self._node, "nolearning"),
        )
        run("ip", "address", "add", f"{first(network)}/32", "dev", DEVICE)
        run("ip", "link", "set", DEVICE, "up")
        for peer, its_network in self._peers.items():
            self._add(peer, its_network)
        masquerade(network, self._pods, self._vcn, self._node)
        write_plugin(network)

    def _lead_to(self, peer: str, network: str) -> None:
        self._peers[peer] = network
        if self._is_up:
            self._add(peer, network)

    def _add(self, peer: str, network: str) -> None:
        run("bridge", "fdb", "replace", mac_of(peer), "dev", DEVICE, "dst", peer)
        run(
            *("ip", "neighbour", "replace", first(network), "lladdr", mac_of(peer)),
            *("dev", DEVICE, "nud", "permanent"),
        )
        run("ip", "route", "replace", network, "via", first(network), "dev", DEVICE, "onlink")

    def _forget(self, peer: str) -> None:
        network = self._peers.pop(peer, None)
        if network and self._is_up:
            run("ip", "route", "delete", network, "dev", DEVICE)
            run("bridge", "fdb", "delete", mac_of(peer), "dev", DEVICE)


def masquerade(network: str, pods: str, vcn: str, node: str) -> None:
    """Let pods keep their address among themselves, and be the node for all others.

    For the VCN that is the node's private address, for the world the address of its route.
    """
    rules = [
        f"-A LOCALCLOUD-PODS -d {pods} -j RETURN",
        f"-A LOCALCLOUD-PODS -d {vcn} -j SNAT --to-source {node}",
        "-A LOCALCLOUD-PODS -j MASQUERADE",
    ]
    subprocess.run(
        ["iptables-restore", "--noflush", "--wait"],
        input="\n".join(["*nat", ":LOCALCLOUD-PODS - [0:0]", *rules, "COMMIT", ""]),
        text=True,
        check=True,
    )
    jump = ["POSTROUTING", "-s", network, "-j", "LOCALCLOUD-PODS"]
    known = ["iptables", "--wait", "-t", "nat", "-C", *jump]
    if subprocess.run(known, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        run("iptables", "--wait", "-t", "nat", "-A", *jump)


def write_plugin(network: str) -> None:
    """Write the configuration of the network plugins: with it the node becomes Ready."""
    document = {
        "cniVersion": "1.0.0",
        "name": "localcloud",
        "plugins": [
            {
                # a pair of devices a pod, and no bridge: packets to a Service always pass iptables
                "type": "ptp",
                "mtu": MTU,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": network, "rangeStart": second(network)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    PLUGIN.parent.mkdir(parents=True, exist_ok=True)
    draft = PLUGIN.with_suffix(".new")
    draft.write_text(json.dumps(document))
    draft.replace(PLUGIN)


def mac_of(address: str) -> str:
    """Return the MAC address of a node's end: locally administered."""
    return "0a:58:" + ipaddress.IPv4Address(address).packed.hex(":")


def first(network: str) -> str:
    return str(ipaddress.IPv4Network(network)[0])


def second(network: str) -> str:
    # the first address after the gateway, which host-local takes as the network's first host
    return str(ipaddress.IPv4Network(network)[2])


def run(*argv: str) -> None:
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
