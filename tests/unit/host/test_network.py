"""A service's part of the host's network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from host.auth_release import network
from host.auth_release.errors import ReleaseError
from host.auth_release.network import Slot
from tests.unit.host.engine import Engine


def test_no_two_services_share_an_address_or_a_port() -> None:
    slots = [Slot.of(number) for number in range(500)]
    addresses = [a for slot in slots for a in (slot.service, slot.canary, *slot.releases)]
    ports = [port for slot in slots for port in (slot.entrance, slot.older)]

    assert len({*addresses, network.GATEWAY}) == len(addresses) + 1
    assert len({*ports}) == len(ports)


def test_a_service_too_many_is_refused() -> None:
    with pytest.raises(ReleaseError, match="another host has more"):
        Slot.of(511)


@pytest.mark.parametrize(
    ("texts", "written"),
    [
        (["nameserver 192.0.2.1\n# a comment\nsearch vcn.test\n"], "192.0.2.1\nsearch vcn.test\n"),
        (["nameserver 127.0.0.53\n", "nameserver 192.0.2.2\n"], "192.0.2.2\n"),
        (["nameserver 127.0.0.53\nnameserver ::1\noptions edns0\n"], "169.254.169.254\n"),
        ([], "169.254.169.254\n"),
    ],
)
def test_a_container_asks_for_names_what_the_host_asks_but_never_a_loopback(
    texts: list[str], written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [tmp_path / str(number) for number in range(2)]
    for source, text in zip(sources, texts, strict=False):
        source.write_text(text)
    monkeypatch.setattr(network, "_RESOLVERS", sources)

    network.write_resolvers(tmp_path / "resolv.conf")

    assert (tmp_path / "resolv.conf").read_text() == f"nameserver {written}"


# creates a network, which takes a while, and refuses a second one
DOCKER = """\
#!/bin/sh
sleep 0.3; mkdir "$0.network" || { echo "Pool overlaps" >&2; exit 1; }
"""


def test_services_that_are_released_side_by_side_create_one_network(
    engine: Engine, tmp_path: Path
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    described = (200, {"IPAM": {"Config": [{"Subnet": "198.18.0.0/20"}]}})
    absent = (404, {"message": "network auth not found"})
    engine.answers["/networks/auth"] = lambda: (
        described if docker.with_name("docker.network").exists() else absent
    )
    program = (
        "import pathlib, sys; from host.auth_release import engine_api, network; "
        "folder = pathlib.Path(sys.argv[1]); engine_api.SOCKET = folder / 'docker.sock'; "
        "network.ensure(folder)"
    )
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(network.__file__).parents[2]),
    }

    releases = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], env=environment)
        for _ in range(4)
    ]

    assert [release.wait(timeout=60) for release in releases] == [0, 0, 0, 0]
    assert "nameserver" in (tmp_path / "resolv.conf").read_text()


def test_a_network_of_somebody_else_is_refused_with_the_way_out(
    engine: Engine, tmp_path: Path
) -> None:
    engine.answers["/networks/auth"] = (200, {"IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}]}})

    with pytest.raises(ReleaseError, match=r"10\.0\.0\.0/24, not .* docker network rm auth"):
        network.ensure(tmp_path)
