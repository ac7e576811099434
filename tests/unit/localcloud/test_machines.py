"""The services around the machines of an emulated cloud."""

import threading
from pathlib import Path
from typing import Any

import pytest

from localcloud.machines import images, machines
from localcloud.machines.bridge import Bridge
from localcloud.machines.gateway import Gateway
from localcloud.machines.link_local import LinkLocal
from localcloud.machines.registry import Registry
from localcloud.state.home import Home


def test_registry_gateway_and_link_local_services_start_beside_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    all_three = threading.Barrier(3)

    def ensure(_: Any, image: str) -> None:
        assert image == "machine"
        all_three.wait(timeout=10)

    for service in (Registry, Gateway, LinkLocal):
        monkeypatch.setattr(service, "ensure", ensure)
    monkeypatch.setattr(Bridge, "ensure", lambda _: None)
    monkeypatch.setattr(images, "machine", lambda _: "machine")
    monkeypatch.setattr(machines, "exists", lambda *_: True)

    machines.Machines(Home.open(tmp_path / "home")).prepare(lambda _: None)

    assert not all_three.broken
