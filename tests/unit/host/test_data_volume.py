"""The containers that wait for their data, and the status without it."""

from pathlib import Path
from typing import Any

import pytest

from host.auth_release import data_volume
from host.auth_release.containers import DATA
from tests.unit.host.fakes import Host


def container(folder: Path, **state: Any) -> dict[str, Any]:
    """Describe a live container that Docker could not start without its data."""
    error = f'error mounting "{DATA}/auth" to rootfs at "/data": no such file'
    return {
        "State": {"Running": False, "Error": error, **state},
        "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}},
        "Mounts": [{"Type": "bind", "Source": str(folder)}, {"Type": "volume", "Source": "/gone"}],
    }


def test_a_container_whose_data_came_late_is_started(tmp_path: Path) -> None:
    assert data_volume._is_held(container(tmp_path))


def test_a_container_is_not_started_on_a_new_volume_without_its_folder(tmp_path: Path) -> None:
    assert not data_volume._is_held(container(tmp_path / "auth"))


def test_a_container_that_ended_by_itself_is_left_alone(tmp_path: Path) -> None:
    assert not data_volume._is_held(container(tmp_path, Error=""))
    assert not data_volume._is_held(container(tmp_path, Error="out of memory"))


def test_a_container_that_runs_is_left_alone(tmp_path: Path) -> None:
    assert not data_volume._is_held(container(tmp_path, Running=True))


def test_a_half_made_release_is_left_alone(tmp_path: Path) -> None:
    held = container(tmp_path)
    held["HostConfig"]["RestartPolicy"]["Name"] = "no"

    assert not data_volume._is_held(held)


def test_a_missing_volume_is_the_first_thing_that_differs(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = host.apply()
    monkeypatch.setattr(data_volume, "problem", lambda: "the data volume is not attached")

    assert host.differences(record) == ["the data volume is not attached"]


def test_a_container_on_a_volume_that_was_taken_away_is_named(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = host.apply()
    monkeypatch.setattr(data_volume, "is_another", lambda _: True)

    assert host.differences(record) == ["auth-1 still uses the data volume that was mounted before"]


def test_another_data_volume_is_known_by_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_volume, "DATA", tmp_path)

    assert not data_volume.is_another(0), "a stopped container has no volume"
    monkeypatch.setattr(data_volume, "DATA", Path("/proc"))
    monkeypatch.setattr(data_volume, "_data_of", lambda _: tmp_path)
    assert data_volume.is_another(1)
