"""What must hold before a release begins."""

import platform
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from host.auth_release import containers, data_volume, preflight, registry
from host.auth_release.errors import ReleaseError
from host.auth_release.registry import Offer
from tests.unit.host.fakes import desired


@dataclass
class Space:
    free: int


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """Give a free port of a host that is fit for any release."""
    monkeypatch.setattr(containers, "DATA", tmp_path)
    monkeypatch.setattr(data_volume, "problem", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Space(free=2 << 30))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def offer(
    monkeypatch: pytest.MonkeyPatch, size: int = 1, machine: str = "amd64", clock: float = 0
) -> None:
    found = Offer(size=size, architectures=frozenset({machine}), clock=clock)
    monkeypatch.setattr(registry, "look_up", lambda _: found)


def test_a_fit_host_passes(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)
    preflight.check(desired(), port=port, fetched=False)
    preflight.check(desired(), port=port, fetched=True)


def test_an_image_for_another_architecture_is_refused(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, machine="arm64")

    with pytest.raises(ReleaseError, match="built for arm64, this host is amd64"):
        preflight.check(desired(), port=port, fetched=False)


def test_an_image_must_fit_twice(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, size=1 << 30)

    with pytest.raises(ReleaseError, match="has 2048 MiB free; the release needs 2560 MiB"):
        preflight.check(desired(), port=port, fetched=False)


def test_a_clock_that_is_off_is_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, clock=-300)

    with pytest.raises(ReleaseError, match="clock is -300 s off"):
        preflight.check(desired(), port=port, fetched=False)


def test_memory_that_is_not_there_is_told(port: int) -> None:
    limits = {"memory": "900000g", "cpus": "1", "pids": 1}

    with pytest.raises(ReleaseError, match="MiB of memory available"):
        preflight.check(desired(limits=limits), port=port, fetched=True)


@pytest.fixture
def taken(port: int) -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        yield port


def test_a_port_that_somebody_has_is_told(taken: int) -> None:
    with pytest.raises(ReleaseError, match=f"port {taken} of this host"):
        preflight.check(desired(), port=taken, fetched=True)


def test_without_the_data_volume_there_is_no_release(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_volume, "problem", lambda: "the data volume is not attached")

    with pytest.raises(ReleaseError, match="the data volume is not attached"):
        preflight.check(desired(), port=port, fetched=True)
