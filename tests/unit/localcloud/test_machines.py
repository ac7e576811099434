"""The services around the machines of an emulated cloud."""

import threading
from pathlib import Path
from typing import Any

import pytest

from localcloud.machines import containers, images, machines
from localcloud.machines.bridge import Bridge
from localcloud.machines.docker import Present
from localcloud.machines.gateway import Gateway, Route
from localcloud.machines.link_local import LinkLocal
from localcloud.machines.registry import Registry
from localcloud.state.home import Home


def test_registry_gateway_and_link_local_services_start_beside_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    all_three = threading.Barrier(3)

    def ensure(_: Any, image: str, present: Present) -> None:
        del present
        assert image == "machine"
        all_three.wait(timeout=10)

    for service in (Registry, Gateway, LinkLocal):
        monkeypatch.setattr(service, "ensure", ensure)
    monkeypatch.setattr(images, "machine_name", lambda: "machine")
    cloud = machines.Machines(Home.open(tmp_path / "home"))

    cloud.prepare({name: {} for name in cloud.surroundings}, lambda _: None)

    assert not all_three.broken


def test_a_change_inside_a_machine_starts_one_command_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started = []

    def docker(command: str, *_: str, stdin: bytes) -> str:
        del stdin
        started.append(command)
        return ""

    monkeypatch.setattr(machines, "docker", docker)
    monkeypatch.setattr(containers, "docker", docker)
    monkeypatch.setattr(Bridge, "host", "192.0.2.254")
    monkeypatch.setattr(Gateway, "routes", lambda _: {"ocid": Route(target="192.0.2.1")})
    monkeypatch.setattr(Gateway, "update", lambda *_: None)
    cloud = machines.Machines(Home.open(tmp_path / "home"))

    cloud.attach_volume("ocid", "volume", "/dev/oracleoci/oraclevdb")
    cloud.set_ingress("ocid", [])

    assert started == ["exec", "exec"]
