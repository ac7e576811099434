"""Locks on the state: a killed Pulumi's lock goes, a running Pulumi's lock stays."""

import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack import locks, remedies


@pytest.fixture(name="lock")
def _lock(tmp_path: Path) -> Path:
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "auth" / "local"
    folder.mkdir(parents=True)
    return folder / "3f1c.json"


def write(lock: Path, *, pid: int, host: str | None = None) -> None:
    lock.write_text(json.dumps({"pid": pid, "hostname": host or socket.gethostname()}))


def test_the_lock_of_a_process_that_is_no_more_goes(lock: Path, tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    write(lock, pid=gone.pid)

    locks.drop_stale(tmp_path)

    assert not lock.exists()


def test_the_lock_of_a_number_that_another_program_has_by_now_goes(
    lock: Path, tmp_path: Path
) -> None:
    write(lock, pid=os.getpid())

    locks.drop_stale(tmp_path)

    assert not lock.exists()


@pytest.fixture(name="pulumi")
def _pulumi(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = tmp_path / "pulumi"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with subprocess.Popen([program, "30"]) as process:
        until(process, lambda stat: "(pulumi)" in stat)
        yield process
        process.kill()


def until(process: subprocess.Popen[bytes], condition: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition(stat := Path(f"/proc/{process.pid}/stat").read_text()):
        assert time.monotonic() < deadline, stat


def test_the_lock_of_a_running_pulumi_stays(
    lock: Path, tmp_path: Path, pulumi: "subprocess.Popen[bytes]"
) -> None:
    write(lock, pid=pulumi.pid)

    locks.drop_stale(tmp_path)

    assert lock.exists()


def test_the_lock_of_a_killed_pulumi_goes_before_its_parent_has_seen_its_end(
    lock: Path, tmp_path: Path, pulumi: "subprocess.Popen[bytes]"
) -> None:
    write(lock, pid=pulumi.pid)
    pulumi.kill()
    until(pulumi, lambda stat: ") Z " in stat)

    locks.drop_stale(tmp_path)

    assert not lock.exists()


def test_the_lock_of_another_machine_stays(lock: Path, tmp_path: Path) -> None:
    write(lock, pid=1, host="elsewhere")

    locks.drop_stale(tmp_path)

    assert lock.exists()


def test_a_lock_that_is_just_being_written_stays(lock: Path, tmp_path: Path) -> None:
    lock.write_text('{"pid": ')

    locks.drop_stale(tmp_path)

    assert lock.exists()


def refusal(began: str) -> str:
    """Return the CLI 3.259's error about a lock."""
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) "
        "to end or delete the lock file with `pulumi cancel`.\n"
        f"  s3://state/lock.json: created by runner@fv-az99 (pid 1234) at {began}\n"
    )


@pytest.mark.parametrize(
    ("began", "told"),
    [
        ("2026-03-01T02:00:00.123456789Z", "10 hours old, and no update takes so long"),
        ("2026-03-01T11:30:00Z", "runner@fv-az99 began to update it 30 minutes ago. Wait for"),
    ],
)
def test_a_lock_is_told_to_be_stale_by_its_age(began: str, told: str) -> None:
    now = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)

    remedy = locks.remedy(refusal(began), "dev", now) or ""

    assert told in remedy
    assert "make unlock STACK=dev" in remedy
    assert "does what Pulumi advises" in remedy, "two remedies would leave the choice to a person"


def test_an_error_about_something_else_gets_no_remedy_for_locks() -> None:
    another = "error: the update of yesterday, created by ada@home (pid 7) at 2026-03-01T11:30:00Z"

    assert locks.remedy(another, "dev") is None


def test_only_a_state_in_files_can_be_known_to_hold_no_lock(tmp_path: Path) -> None:
    backend = f"file://{tmp_path}"
    other = tmp_path / ".pulumi" / "locks" / "organization" / "auth" / "prod" / "one.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")

    assert locks.none_held(backend, "dev")
    assert not locks.none_held(backend, "prod")
    assert not locks.none_held("s3://bucket", "dev")


def test_the_colours_of_a_terminal_hide_no_remedy() -> None:
    refused = refusal("2026-03-01T02:00:00Z").replace("00Z\n", "00Z\x1b[0m\n")

    assert "make unlock STACK=dev" in (remedies.remedy(refused, "dev") or "")


def test_the_lock_of_a_run_that_goes_on_is_known(tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    shutil.copy(shutil.which("sleep") or "", program)
    lock = tmp_path / ".pulumi" / "locks" / "organization" / "auth" / "local" / "one.json"
    lock.parent.mkdir(parents=True)

    with subprocess.Popen([str(program), "60"]) as process:
        try:
            write(lock, pid=process.pid)
            deadline = time.monotonic() + 10
            # until the program runs, its name is ours
            while not locks.running(f"file://{tmp_path}", "local"):
                assert time.monotonic() < deadline, "the run is not known"
            assert locks.running(f"file://{tmp_path}", "local") == [process.pid]
            assert locks.running(f"file://{tmp_path}", "prod") == []
        finally:
            process.kill()

    assert locks.running(f"file://{tmp_path}", "local") == []
