"""The checks before a release."""

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from host.auth_release import asking, containers, data_volume, preflight, proxy, registry
from host.auth_release.errors import ReleaseError
from host.auth_release.registry import Offer
from tests.unit.host.fakes import desired


@dataclass
class Space:
    free: int


@pytest.fixture(autouse=True)
def _fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make this host fit for any release."""
    monkeypatch.setattr(containers, "DATA", tmp_path)
    monkeypatch.setattr(data_volume, "problem", lambda: None)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Space(free=2 << 30))


def offer(
    monkeypatch: pytest.MonkeyPatch, size: int = 1, machine: str = "amd64", clock: float = 0
) -> None:
    image = Offer(size=size, architectures=frozenset({machine}), clock=clock)
    monkeypatch.setattr(registry, "look_up", lambda _: image)


def test_a_fit_host_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)
    preflight.check(desired(), fetched=False)
    preflight.check(desired(), fetched=True)


def test_an_image_for_another_architecture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, machine="arm64")

    with pytest.raises(ReleaseError, match="built for arm64, this host is amd64"):
        preflight.check(desired(), fetched=False)


def test_an_image_must_fit_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, size=1 << 30)

    with pytest.raises(ReleaseError, match="has 2048 MiB free; the release needs 2560 MiB"):
        preflight.check(desired(), fetched=False)


def test_a_clock_that_is_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, clock=-300)

    with pytest.raises(ReleaseError, match="clock is -300 s off"):
        preflight.check(desired(), fetched=False)


def test_too_little_memory_is_refused() -> None:
    limits = {"memory": "900000g", "cpus": "1", "pids": 1}

    with pytest.raises(ReleaseError, match="MiB of memory available"):
        preflight.check(desired(limits=limits), fetched=True)


def test_without_the_data_volume_there_is_no_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_volume, "problem", lambda: "the data volume is not attached")

    with pytest.raises(ReleaseError, match="the data volume is not attached"):
        preflight.check(desired(), fetched=True)


def test_a_ca_that_is_down_stops_the_first_release_at_a_name_and_no_later_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(proxy, "CADDY", tmp_path)
    monkeypatch.setattr(asking, "HTTPS_PORT", 1)  # no certificate is served
    tls = {"address": "192.0.2.7", "directory": "https://127.0.0.1:1/directory"}
    release = desired(site="https://192.0.2.7", tls=tls)
    with pytest.raises(ReleaseError, match="gives no answer"):
        preflight.check(release, fetched=True)

    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "auth.caddy").write_text("https://192.0.2.7 {\n}\n")
    preflight.check(release, fetched=True)


@pytest.mark.parametrize("version", [1, 2])
def test_a_host_whose_control_group_is_full_is_refused_with_the_way_out(
    version: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer(monkeypatch)
    (tmp_path / "meminfo").write_text("MemTotal: 25165824 kB\nMemAvailable: 20971520 kB\n")
    _, *names = preflight._BOUNDS[version - 1]
    limit, usage, cache = names
    (tmp_path / limit).write_text(f"{2 << 30}\n")
    (tmp_path / usage).write_text(f"{(2 << 30) - (100 << 20)}\n")
    (tmp_path / "memory.stat").write_text(f"{cache} {50 << 20}\n")
    monkeypatch.setattr(preflight, "_PROC", tmp_path)
    monkeypatch.setattr(preflight, "_BOUNDS", [(tmp_path, *names)])

    with pytest.raises(
        ReleaseError, match=r"150 MiB of memory available.* more memory, or run few"
    ):
        preflight.check(desired(), fetched=True)

    (tmp_path / limit).write_text(f"{4 << 30}\n")
    preflight.check(desired(), fetched=True)
