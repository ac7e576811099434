"""The network of a node's pods: the changes of nodes, as commands of the kernel's overlay."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.machines.node_image import node_network
from localcloud.machines.node_image.node_network import Overlay

OWN, PEER = "10.0.1.3", "10.0.1.4"


@pytest.fixture(name="commands")
def _commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    commands: list[str] = []
    monkeypatch.setattr(node_network, "run", lambda *argv: commands.append(" ".join(argv)))
    monkeypatch.setattr(node_network, "masquerade", lambda *_: None)
    monkeypatch.setattr(node_network, "PLUGIN", tmp_path / "net.d" / "plugin.conflist")
    return commands


def node(address: str, pods: str | None = None) -> dict[str, Any]:
    return {
        "spec": {"podCIDR": pods} if pods else {},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def test_a_peer_that_came_before_the_own_network_is_led_to_as_well(commands: list[str]) -> None:
    overlay = Overlay(OWN, "10.0.0.0/16", "10.244.0.0/16")
    overlay.apply("ADDED", node(OWN))
    overlay.apply("ADDED", node(PEER, "10.244.1.0/25"))
    assert commands == []

    overlay.apply("MODIFIED", node(OWN, "10.244.0.0/25"))

    assert commands[-1] == "ip route replace 10.244.1.0/25 via 10.244.1.0 dev flannel.1 onlink"
    (configured, _) = json.loads(node_network.PLUGIN.read_text())["plugins"]
    assert configured["ipam"]["ranges"] == [
        [{"subnet": "10.244.0.0/25", "rangeStart": "10.244.0.2"}]
    ]


def test_an_unchanged_node_changes_nothing_and_a_removed_one_takes_its_route_along(
    commands: list[str],
) -> None:
    overlay = Overlay(OWN, "10.0.0.0/16", "10.244.0.0/16")
    overlay.apply("ADDED", node(OWN, "10.244.0.0/25"))
    overlay.apply("ADDED", node(PEER, "10.244.1.0/25"))
    before = list(commands)

    overlay.apply("MODIFIED", node(PEER, "10.244.1.0/25"))
    assert commands == before

    overlay.apply("DELETED", node(PEER, "10.244.1.0/25"))
    assert commands[len(before)] == "ip route delete 10.244.1.0/25 dev flannel.1"
