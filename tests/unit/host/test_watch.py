"""The watch after the switch: the release before stands by, and takes over again."""

import contextlib
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import health, lock, watch
from host.auth_release.containers import End
from host.auth_release.desired import Desired, Health
from host.auth_release.errors import ReleaseError
from host.auth_release.network import Slot
from host.auth_release.records import Record
from host.auth_release.releases import Releases
from host.auth_release.status import status
from tests.unit.host.fakes import OTHER, QUICK, Host, Killed, desired
from tests.unit.host.test_health import Clock

Answers = Callable[[float], str | None]
LONG = {"health": {**QUICK, "watch_seconds": 60}}  # no test waits so long


def watched(
    answers: Answers,
    *,
    has_ended: Callable[[float], bool] = lambda _: False,
    is_awaited: Callable[[float], bool] = lambda _: False,
) -> tuple[str | None, float]:
    """Watch for 10 s on a clock of the test's; return the problem and the time of the end."""
    clock = Clock()
    problem = watch.watch(
        Health(interval_seconds=0.1, watch_seconds=10),
        probe=lambda: answers(clock.time),
        has_ended=lambda: has_ended(clock.time),
        is_awaited=lambda: is_awaited(clock.time),
        now=clock,
        sleep=clock.sleep,
    )
    return problem, clock.time


def test_a_healthy_release_is_watched_to_the_end() -> None:
    problem, end = watched(lambda _: None)

    assert problem is None
    assert end == pytest.approx(10, abs=0.2)


def test_a_single_failed_probe_is_no_failure() -> None:
    assert watched(lambda now: "HTTP 503" if 2 < now < 2.15 else None)[0] is None


def test_three_failed_probes_in_a_row_are_a_failure_with_the_last_answer() -> None:
    problem, end = watched(lambda now: "HTTP 503" if now > 2 else None)

    assert problem == "/readyz failed 3 times in a row; last answer: HTTP 503"
    assert end == pytest.approx(2.3, abs=0.2)


def test_failures_at_the_end_of_the_watch_are_decided_before_it_ends() -> None:
    assert watched(lambda now: "HTTP 503" if now > 9.95 else None)[0] is not None


def test_the_end_of_the_container_is_a_failure_at_once() -> None:
    problem, end = watched(lambda _: None, has_ended=lambda now: now > 1)

    assert problem == "its container ended"
    assert end == pytest.approx(1.1, abs=0.1)


def test_another_run_ends_the_watch_of_a_healthy_release_at_once() -> None:
    problem, end = watched(lambda _: None, is_awaited=lambda now: now > 3)

    assert problem is None
    assert end == pytest.approx(3.1, abs=0.1)


def test_another_run_does_not_save_a_release_that_fails() -> None:
    assert watched(lambda _: "HTTP 503", is_awaited=lambda _: True)[0] is not None


@pytest.fixture(name="failing")
def _failing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the addresses of containers whose health check fails."""
    addresses: set[str] = set()
    monkeypatch.setattr(
        health, "probe", lambda address, *_: "HTTP 503" if address in addresses else None
    )
    return addresses


def end_container(host: Host, number: int) -> None:
    host.docker.running[number] = dataclasses.replace(host.docker.running[number], running=False)


def test_a_release_that_ends_after_the_switch_gives_way_to_the_release_before(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.apply()
    run = host.releases
    run.apply(desired(image=OTHER), by="test")
    assert host.serving == 2
    assert set(host.docker.running) == {1, 2}, "the release before does not stand by"
    assert host.docker.over_reboots["auth-1"], "a reboot would end the release that stands by"

    end_container(host, 2)
    run.finish()

    assert host.serving == 1
    assert set(host.docker.running) == {1}
    record = host.records.get(2)
    assert record
    assert record.outcome == "failed"
    assert record.note == (
        "release 1 took over again, as auth-2 ended with exit code 3; its last line: auth-2 fails"
    )
    assert "auth-2 fails" in capsys.readouterr().err, "the container's last lines are missing"
    assert status(host.parts)["live"]["release"] == 1
    assert status(host.parts)["went_back"]["release"] == 2


def test_the_cause_is_the_end_even_if_docker_started_the_container_again(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.apply()
    host.releases.apply(desired(image=OTHER), by="test")
    host.docker.running[2] = dataclasses.replace(host.docker.running[2], restarts=1)
    host.docker.ends["auth-2"] = End(exit_code=7, at=1.5)

    host.releases.finish()

    note = host.records.get(2).note  # type: ignore[union-attr]
    assert note.endswith("as auth-2 ended with exit code 7; its last line: auth-2 fails")
    assert "auth-2 starts" not in capsys.readouterr().err, "the lines are those of the next start"


def test_the_cause_is_the_end_even_if_failed_probes_were_its_first_sign(
    host: Host, failing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply()
    run = host.releases
    record = run.apply(desired(image=OTHER, **LONG), by="test")
    failing.add(record.address)
    monkeypatch.setattr(host.docker, "has_ended", lambda _: host.serving == 1)
    host.docker.ends["auth-2"] = End(exit_code=7, at=1.5)

    run.finish()

    note = host.records.get(2).note  # type: ignore[union-attr]
    assert "as auth-2 ended with exit code 7" in note


def test_the_requests_are_led_back_before_the_new_container_is_stopped(
    host: Host, failing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply()
    run = host.releases
    failing.add(run.apply(desired(image=OTHER), by="test").address)
    failing.clear()
    stop, serving = host.docker.stop_and_remove, []

    def stopped(container: str, *, grace: int) -> None:
        serving.append((container, host.serving))
        stop(container, grace=grace)

    monkeypatch.setattr(host.docker, "stop_and_remove", stopped)
    failing.add(host.docker.running[2].address)
    run.finish()

    assert serving == [("auth-2", 1)]
    note = host.records.get(2).note  # type: ignore[union-attr]
    assert note.endswith("/readyz failed 3 times in a row; last answer: HTTP 503")


def test_the_site_of_the_release_before_comes_back_as_well(host: Host) -> None:
    host.apply()
    before = host.site.read_text()
    run = host.releases
    run.apply(desired(site="other.example.test", maintenance={"page": "Back soon"}), by="test")
    end_container(host, 2)

    run.finish()

    assert host.site.read_text() == before


def test_after_a_watch_the_release_before_is_retired(host: Host) -> None:
    host.apply()
    host.apply(image=OTHER)

    assert set(host.docker.running) == {2}
    assert [record.outcome for record in host.records.all()] == ["live", "replaced"]
    assert status(host.parts)["went_back"] is None


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_first_release_and_a_watch_of_zero_seconds_have_no_watch(
    host: Host, seconds: float
) -> None:
    if not seconds:
        host.apply()

    record = host.apply(image=OTHER, health={**QUICK, "watch_seconds": seconds})

    assert record.standby == 0


def test_a_stopped_container_does_not_stand_by(host: Host) -> None:
    host.apply()
    end_container(host, 1)

    assert host.apply(**LONG).standby == 0


def test_another_run_takes_over_from_a_watch(host: Host) -> None:
    host.apply()
    host.awaited = True
    host.apply(image=OTHER, **LONG)

    assert host.serving == 2
    assert host.rollback().note == "rollback from 2 to 1"
    assert host.serving == 3


def interrupted(host: Host) -> Record:
    """Leave a release whose run was killed in its watch."""
    host.apply()
    return host.releases.apply(desired(image=OTHER, **LONG), by="test")


def test_an_interrupted_watch_is_drift_and_the_next_run_finishes_it(host: Host) -> None:
    interrupted(host)
    assert status(host.parts)["differs"] == ["the watch of release 2 was interrupted"]
    host.awaited = True

    host.releases.finish()

    assert status(host.parts)["differs"] == []
    assert set(host.docker.running) == {2}


def test_after_a_reboot_a_release_that_does_not_get_healthy_gives_way(
    host: Host, failing: set[str]
) -> None:
    host.apply()
    health_settings = {**QUICK, "watch_seconds": 60}
    record = host.releases.apply(desired(image=OTHER, health=health_settings), by="test")
    # for the boot alone: on a busy machine the release itself would not be healthy in time
    impatient = dataclasses.replace(record.desired.health, deadline_seconds=0.01)
    record = dataclasses.replace(
        record, desired=dataclasses.replace(record.desired, health=impatient)
    )
    host.records.save(record)
    failing.add(record.address)

    host.releases.finish()

    assert host.serving == 1
    assert "was not healthy" in host.records.get(2).note  # type: ignore[union-attr]


def test_a_new_release_after_an_interrupted_watch_of_a_dead_release_starts_from_the_one_before(
    host: Host,
) -> None:
    interrupted(host)
    end_container(host, 2)

    third = host.apply(environment={"A": "3"})

    assert third.number == 3
    assert host.records.get(2).outcome == "failed"  # type: ignore[union-attr]
    assert host.records.get(1).outcome == "replaced"  # type: ignore[union-attr]
    assert host.serving == 3


def test_a_rollback_without_a_number_does_not_go_behind_a_release_that_came_back(
    host: Host,
) -> None:
    host.apply(keep=3)
    host.apply(environment={"A": "2"}, keep=3)
    run = host.releases
    run.apply(desired(image=OTHER, keep=3), by="test")
    end_container(host, 3)
    run.finish()

    with pytest.raises(
        ReleaseError, match=r"release 3 failed already, and release 2 is live again.* release: 1$"
    ):
        host.rollback()
    assert host.rollback(1).note == "rollback from 2 to 1"


def test_a_run_killed_at_any_step_of_going_back_leaves_a_release_that_serves(
    host: Host, tmp_path: Path
) -> None:
    for step in range(60):
        host = Host.new(tmp_path / f"state-{step}")
        host.apply()
        run = host.releases
        run.apply(desired(image=OTHER), by="test")
        end_container(host, 2)
        host.life.restart()
        host.life.die_at = step
        try:
            run.finish()
        except Killed:
            pass
        else:
            break
        host.life.restart()

        host.releases.clean_up()
        host.releases.finish()

        assert host.serving == 1, f"killed at effect {step}"
        assert set(host.docker.running) == {1}, f"killed at effect {step}"
        assert host.records.get(2).outcome == "failed", f"killed at effect {step}"  # type: ignore[union-attr]
        assert host.records.get(1).outcome == "live", f"killed at effect {step}"  # type: ignore[union-attr]
    assert step > 5, "the count of effects looks wrong"


def test_an_end_that_fails_is_drift_until_a_run_finishes_it(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply()
    stop = host.docker.stop_and_remove

    def fail(*_: Any, **__: Any) -> None:
        raise ReleaseError("Docker does not answer")

    monkeypatch.setattr(host.docker, "stop_and_remove", fail)
    host.apply(image=OTHER)
    left = "release 2 serves, but its run could not finish: Docker does not answer"
    assert status(host.parts)["differs"] == [left]

    monkeypatch.setattr(host.docker, "stop_and_remove", stop)
    host.releases.finish()

    assert status(host.parts)["differs"] == []
    assert set(host.docker.running) == {2}


_HOLD = """
import pathlib, sys
from host.auth_release import lock
with lock.locked(pathlib.Path(sys.argv[1]), "auth", by="ada", seconds=30):
    print("held", flush=True)
"""


def test_a_run_that_waits_for_the_lock_is_seen_by_its_holder(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(lock.__file__).parents[2])}
    with lock.locked(tmp_path, "auth", by="grace", seconds=1):
        assert not lock.is_awaited(tmp_path, "auth")
        assert str(lock.holder(tmp_path, "auth")).startswith("grace (process ")
        with subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        ) as waiting:
            assert waiting.stderr
            assert b"Wait for grace" in waiting.stderr.readline()
            for _ in range(1000):
                if lock.is_awaited(tmp_path, "auth"):
                    break
            else:
                pytest.fail("the waiting run is not seen")
    assert waiting.returncode is not None
    assert lock.holder(tmp_path, "auth") is None


def test_a_failure_is_not_hidden_by_an_end_that_fails(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply()
    host.docker.broken.add(OTHER)
    save = host.records.save

    def fail(*_: Any) -> Any:
        raise ReleaseError("Docker does not answer")

    def save_if_room(record: Record) -> None:
        if record.unfinished:
            raise ReleaseError("the disk is full")
        save(record)

    monkeypatch.setattr(host.docker, "tags", fail)
    monkeypatch.setattr(host.records, "save", save_if_room)

    with pytest.raises(ReleaseError, match="exit code 3"):
        host.apply(image=OTHER)


def test_an_outdated_plan_is_refused_without_a_turn(host: Host) -> None:
    host.apply()

    def no_turn() -> Any:
        pytest.fail("a refused release takes a turn")

    releases = Releases(host.parts, turn=no_turn)
    with pytest.raises(ReleaseError, match="release 9 was planned"):
        releases.apply(desired(image=OTHER), by="late", planned=9)


def test_a_turn_ends_before_the_switch_which_waits_more_than_it_works(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    @contextlib.contextmanager
    def turn() -> Iterator[None]:
        yield
        events.append("turn ends")

    serve = host.proxy.serve

    def switch(wanted: Desired, slot: Slot) -> None:
        events.append("switch")
        serve(wanted, slot)

    monkeypatch.setattr(host.proxy, "serve", switch)

    Releases(host.parts, turn=turn).apply(desired(), by="test")

    assert events == ["turn ends", "switch"]
