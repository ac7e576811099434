"""The release tool's decisions, on a host that can be killed between any two steps."""

import dataclasses
import json
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import release
from host.release import Container, Desired, Health, Record, Records, ReleaseError, Releases

IMAGE = f"registry.test/auth@sha256:{'a' * 64}"
OTHER = f"registry.test/auth@sha256:{'b' * 64}"


def document(**changes: Any) -> dict[str, Any]:
    return {
        "service": "auth",
        "disk": "ocid1.bootvolume.oc1..disk",
        "image": IMAGE,
        "registry": {"server": "registry.test", "username": "acme", "password": "hunter2"},
        "port": 8000,
        "site": ":80",
        "environment": {"AUTH_ISSUER": "http://192.0.2.7"},
        "secrets": {"AUTH_SIGNING_KEY": "hunter3"},
        "uid": 10001,
        "health": {"path": "/readyz", "deadline_seconds": 5, "stable_seconds": 0},
        "limits": {"memory": "512m", "cpus": "1", "pids": 256},
        "drain_seconds": 0,
        "stop_seconds": 1,
        "keep": 2,
        **changes,
    }


def desired(**changes: Any) -> Desired:
    return Desired.parse(json.dumps(document(**changes)))


class Killed(BaseException):
    """kill -9: nothing of the process runs any more."""


class Life:
    """Counts the effects on the host; dies at the one it is told to, and stays dead."""

    def __init__(self) -> None:
        self.effects = 0
        self.die_at: int | None = None

    def effect(self) -> None:
        if self.die_at is not None and self.effects >= self.die_at:
            raise Killed
        self.effects += 1

    def again(self) -> None:
        self.effects, self.die_at = 0, None


class FakeDocker(release.Docker):
    def __init__(self, life: Life) -> None:
        self.life = life
        self.images: set[str] = set()
        self.running: dict[int, Container] = {}
        self.kept: dict[str, bool] = {}
        self.broken: set[str] = set()
        self.arch = "amd64"

    def pull(self, desired: Desired) -> None:
        self.life.effect()
        self.images.add(desired.image)

    def has_image(self, image: str) -> bool:
        return image in self.images

    def architecture(self, image: str) -> str:
        assert image in self.images
        return self.arch

    def start(self, record: Record, secrets: Path) -> None:
        assert secrets.exists()
        self.life.effect()
        self.running[record.number] = Container(
            name=record.container,
            running=record.desired.image not in self.broken,
            exit_code=3,
            fingerprint=record.desired.fingerprint,
            image=record.desired.image,
        )
        self.life.effect()

    def keep_over_reboots(self, container: str, *, keep: bool) -> None:
        self.life.effect()
        self.kept[container] = keep

    def containers(self, service: str) -> dict[int, Container]:
        assert service == "auth"
        return dict(self.running)

    def logs(self, container: str, lines: int = 20) -> str:
        assert lines > 0
        return f"{container} says why\n"

    def stop_and_remove(self, container: str, *, grace: int) -> None:
        assert grace > 0
        self.life.effect()
        self.running = {n: c for n, c in self.running.items() if c.name != container}
        self.life.effect()

    def remove_image(self, image: str) -> None:
        self.life.effect()
        self.images.discard(image)


class FakeProxy(release.Proxy):
    def __init__(self, life: Life) -> None:
        self.life = life
        self.refuses = False
        self.serving: int | None = None

    def switch(self, record: Record) -> None:
        self.life.effect()
        super().switch(record)
        self.life.effect()

    def reload(self) -> None:
        if self.refuses:
            raise ReleaseError("caddy refuses")
        self.life.effect()
        self.serving = self.live("auth")


class MortalRecords(Records):
    def __init__(self, state: Path, life: Life) -> None:
        super().__init__(state, "auth")
        self.life = life

    def save(self, record: Record) -> None:
        self.life.effect()
        super().save(record)


@dataclasses.dataclass
class Host:
    life: Life
    docker: FakeDocker
    proxy: FakeProxy
    records: MortalRecords

    @property
    def releases(self) -> Releases:
        """A new run of the tool."""
        return Releases("auth", docker=self.docker, proxy=self.proxy, records=self.records)

    def apply(self, **changes: Any) -> Record:
        return self.releases.apply(desired(**changes), by="test")


@pytest.fixture(name="host")
def _host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    for name in ("SITES", "DATA"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setattr(release, name, folder)
    monkeypatch.setattr(os.path, "ismount", lambda _: True)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: FreeSpace(free=1 << 40))
    monkeypatch.setattr(release, "probe", lambda *_: "")
    life = Life()
    return Host(life, FakeDocker(life), FakeProxy(life), MortalRecords(tmp_path / "state", life))


@dataclasses.dataclass
class FreeSpace:
    free: int


def test_the_first_release_is_number_one_and_live(host: Host) -> None:
    record = host.apply()

    assert (record.number, record.outcome) == (1, "live")
    assert host.proxy.serving == 1
    assert host.docker.kept == {"auth-1": True}


def test_the_same_desired_state_twice_changes_nothing(host: Host) -> None:
    host.apply()
    host.life.again()

    assert host.apply().number == 1
    assert host.life.effects == 0, "an unchanged release had effects"


def test_a_new_registry_password_alone_is_no_new_release(host: Host) -> None:
    host.apply()

    renewed = {"server": "registry.test", "username": "acme", "password": "new"}
    assert host.apply(registry=renewed).number == 1


@pytest.mark.parametrize(
    "change",
    [
        {"image": OTHER},
        {"environment": {"AUTH_ISSUER": "http://192.0.2.8"}},
        {"secrets": {"AUTH_SIGNING_KEY": "rotated"}},
        {"port": 9000},
        {"disk": "another"},
    ],
)
def test_a_change_of_what_runs_is_a_new_release(host: Host, change: dict[str, Any]) -> None:
    host.apply()

    assert host.apply(**change).number == 2
    assert set(host.docker.running) == {2}, "the old release was not stopped"


def test_a_release_that_dies_leaves_the_old_one_alone(host: Host, capsys: Any) -> None:
    host.apply()
    host.docker.broken.add(OTHER)

    with pytest.raises(ReleaseError, match="exit code 3"):
        host.apply(image=OTHER)

    assert set(host.docker.running) == {1}
    assert host.proxy.serving == 1
    assert "auth-2 says why" in capsys.readouterr().err
    assert host.records.get(2).outcome == "failed"  # type: ignore[union-attr]


def test_a_proxy_that_refuses_keeps_leading_to_the_old_release(host: Host) -> None:
    host.apply()
    host.proxy.refuses = True

    with pytest.raises(ReleaseError, match="caddy refuses"):
        host.apply(image=OTHER)

    assert host.proxy.live("auth") == 1
    assert set(host.docker.running) == {1}


def test_an_image_for_another_architecture_is_refused_before_it_starts(host: Host) -> None:
    host.docker.arch = "arm64"

    with pytest.raises(ReleaseError, match="built for arm64, this host is amd64"):
        host.apply()

    assert host.docker.running == {}


def test_a_full_disk_stops_the_release_before_it_begins(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: FreeSpace(free=1 << 20))

    with pytest.raises(ReleaseError, match="has 1 MiB free"):
        host.apply()

    assert host.life.effects == 0


def test_a_stopped_container_is_started_anew(host: Host) -> None:
    host.apply()
    host.docker.running[1] = dataclasses.replace(host.docker.running[1], running=False)

    assert host.apply().number == 2


def test_an_edited_site_file_is_written_anew(host: Host) -> None:
    host.apply()
    site = release.SITES / "auth.caddy"
    site.write_text(site.read_text() + "# edited\n")

    assert host.apply().number == 2
    assert "edited" not in site.read_text()


def test_rollback_restores_image_and_configuration(host: Host) -> None:
    host.apply(environment={"A": "1"})
    host.apply(image=OTHER, environment={"A": "2"})

    restored = host.releases.rollback(None, by="test")

    assert restored.desired.image == IMAGE
    assert restored.desired.environment == {"A": "1"}
    assert restored.note == "rollback from 2 to 1"
    assert host.proxy.serving == 3


def test_rollback_to_what_never_ran_lists_what_did(host: Host) -> None:
    host.apply()
    host.apply(image=OTHER)

    with pytest.raises(ReleaseError, match="release 9 is not one to roll back to; usable: 1"):
        host.releases.rollback(9, by="test")


def test_old_releases_are_forgotten_with_images_that_nothing_else_uses(host: Host) -> None:
    images = [f"registry.test/auth@sha256:{digit * 64}" for digit in "abcd"]
    for image in images:
        host.apply(image=image)

    assert [record.number for record in host.records.all()] == [4, 3]
    assert host.docker.images == set(images[2:])


def test_failed_releases_do_not_push_out_the_one_to_roll_back_to(host: Host) -> None:
    host.apply()
    host.apply(environment={"A": "2"})
    host.docker.broken.add(OTHER)
    for _ in range(3):
        with pytest.raises(ReleaseError):
            host.apply(image=OTHER)
    host.apply(environment={"A": "3"})

    assert host.releases.rollback(None, by="test").desired.environment == {"A": "2"}


def effects_of_an_update(host: Host) -> int:
    host.apply()
    host.life.again()
    host.apply(image=OTHER)
    return host.life.effects


def test_a_run_killed_at_any_step_leaves_one_release_serving_and_the_next_run_finishes(
    host: Host, tmp_path: Path
) -> None:
    steps = effects_of_an_update(host)
    assert steps > 8, "the count of effects looks wrong"

    for step in range(steps):
        life = Life()
        state = tmp_path / f"state-{step}"
        (release.SITES / "auth.caddy").unlink()
        host = Host(life, FakeDocker(life), FakeProxy(life), MortalRecords(state, life))
        host.apply()
        life.effects, life.die_at = 0, step
        with pytest.raises(Killed):
            host.apply(image=OTHER)

        serving = host.docker.running.get(host.proxy.serving or 0)
        assert serving, f"killed at effect {step}: nothing serves"
        assert serving.running, f"killed at effect {step}: what should serve does not run"
        life.again()
        finished = host.apply(image=OTHER)
        assert set(host.docker.running) == {finished.number}, f"killed at effect {step}"
        assert host.proxy.serving == finished.number
        assert host.docker.kept[finished.container], f"killed at effect {step}: lost on reboot"
        assert finished.desired.image == OTHER
        life.again()
        assert host.apply(image=OTHER) == finished
        assert life.effects == 0, f"killed at effect {step}: the next but one run had work left"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("[]", "can't be read"),
        (json.dumps({"service": "auth"}), "'registry'"),
        (json.dumps(document(colour="red")), "colour"),
        (json.dumps(document(service="../etc")), "`service`"),
        (json.dumps(document(image="registry.test/auth:latest")), "by digest"),
    ],
)
def test_a_desired_state_that_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ReleaseError, match=problem) as caught:
        Desired.parse(text)
    assert "hunter" not in str(caught.value)


def test_what_is_told_of_a_record_holds_no_secret(host: Host) -> None:
    record = host.apply()

    assert "hunter" not in json.dumps(release.result(record))
    assert "hunter" not in repr(record)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def wait(answers: Callable[[float], str], *, stable: float = 1, deadline: float = 10) -> float:
    clock = Clock()
    release.wait_until_healthy(
        Health(path="/readyz", deadline_seconds=deadline, stable_seconds=stable),
        probe=lambda: answers(clock.time),
        alive=lambda: None,
        now=clock,
        sleep=clock.sleep,
    )
    return clock.time


def test_health_must_last_before_it_counts() -> None:
    flickering = wait(lambda now: "" if now < 0.5 or now > 3 else "HTTP 503")

    assert flickering == pytest.approx(4.2, abs=0.3)


def test_a_container_that_never_gets_healthy_is_given_up_with_its_last_answer() -> None:
    with pytest.raises(ReleaseError, match=r"within 10 s; last answer: HTTP 503"):
        wait(lambda _: "HTTP 503")
