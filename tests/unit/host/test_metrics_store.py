"""The decisions about the metrics store; tests/e2e/test_dashboard.py runs it."""

import json
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from host.auth_release import dashboards, measures, metrics_store, reporter
from host.auth_release.errors import ReleaseError
from host.auth_release.measures import Measure
from host.auth_release.metrics_store import Store
from host.auth_release.records import Records
from tests.unit.host.engine import Engine


@pytest.fixture(name="commands")
def _commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return the commands of a store without systemd and Docker."""
    commands: list[tuple[str, ...]] = []
    for name in ("FOLDER", "UNITS", "STATE"):
        monkeypatch.setattr(metrics_store, name, tmp_path / name.lower())

    def run(*argv: str) -> str:
        commands.append(argv)
        return ""

    monkeypatch.setattr(metrics_store, "run", run)
    return commands


def test_a_value_is_named_as_prometheus_names_metrics() -> None:
    disk = Measure(name="diskPercent", value=10, dimensions={"disk": "data"})

    assert metrics_store.series(disk) == 'auth_host_disk_percent{disk="data"}'
    assert metrics_store.series(Measure(name="memoryPercent", value=1)) == (
        "auth_host_memory_percent"
    )


@pytest.mark.usefixtures("commands")
def test_each_service_is_read_at_the_address_that_outlives_its_releases(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    addresses = [Records(tmp_path / "state", name).slot().service for name in ("auth", "billing")]

    metrics_store.refresh(["auth", "billing"])

    sources = json.loads((tmp_path / "folder" / "services.json").read_text())
    assert [source["targets"] for source in sources] == [[f"{each}:80"] for each in addresses]
    assert [source["labels"]["service"] for source in sources] == ["auth", "billing"]


def test_a_new_version_of_the_tool_restarts_the_store_once(
    commands: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").mkdir()
    restart = ("systemctl", "restart", metrics_store.UNIT)
    metrics_store.refresh(["auth"])
    commands.clear()

    assert not metrics_store.refresh(["auth", "billing"]), "new services need no restart"
    assert commands == []
    monkeypatch.setattr(metrics_store, "_UNIT_TEXT", "[Service]\n")
    assert metrics_store.refresh(["auth"])
    assert commands == [("systemctl", "daemon-reload"), restart]


def test_the_data_of_a_store_on_an_earlier_vm_gets_this_vms_user(
    commands: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of the earlier VM's user may belong to nobody here."""

    def nobody(number: int) -> None:
        raise KeyError(number)

    data = tmp_path / ".metrics"
    data.mkdir()
    user = SimpleNamespace(pw_uid=data.stat().st_uid + 1)
    monkeypatch.setattr(metrics_store, "DATA", tmp_path)
    monkeypatch.setattr(metrics_store, "succeeds", lambda *_: True)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(pwd, "getpwnam", lambda _: user)

    metrics_store._make_user()
    assert commands == [("chown", "--recursive", "auth-metrics:auth-metrics", str(data))]

    commands.clear()
    user.pw_uid = data.stat().st_uid
    metrics_store._make_user()
    assert commands == [], "the data is this user's already"


@pytest.mark.usefixtures("commands")
def test_a_report_brings_no_store_back_that_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(reporter, "STATE", tmp_path / "state")
    monkeypatch.setattr(metrics_store, "take_in", lambda _: None)
    monkeypatch.setattr(metrics_store, "wait_until_ready", lambda: None)
    unit = tmp_path / "units" / metrics_store.UNIT

    reporter._store([], 0)
    assert not unit.exists()

    unit.parent.mkdir()
    unit.write_text("of an earlier version")
    reporter._store([], 0)
    assert unit.read_text() != "of an earlier version"


def test_a_store_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_store, "PORT", 1)

    with pytest.raises(ReleaseError, match="the metrics store gives no answer"):
        metrics_store.take_in([Measure(name="memoryPercent", value=1)])


def test_the_password_of_the_registry_is_in_no_text_about_the_store() -> None:
    assert "secret" not in repr(Store(image="image", username="auth", password="secret"))


def test_the_memory_of_a_container_is_counted_as_docker_stats_does(engine: Engine) -> None:
    path = "/containers/auth-1/stats"
    for name in ("inactive_file", "total_inactive_file"):
        memory = {"usage": 300, "limit": 1000, "stats": {name: 50}}
        engine.answers[path] = (200, {"memory_stats": memory})
        assert measures.container_memory_percent("auth-1") == 25
    engine.answers[path] = (200, {"memory_stats": {}})
    assert measures.container_memory_percent("auth-1") is None, "it does not run"


def test_every_panel_has_a_name_for_each_of_its_queries() -> None:
    (text,) = dashboards.files().values()
    (row,) = json.loads(text)["rows"]

    assert [len(panel["expr"]) for panel in row["panels"]] == [
        len(panel["alias"]) for panel in row["panels"]
    ]
    assert all(panel["expr"] for panel in row["panels"])
