"""A cached folder is made once and whole, even with killed and concurrent runs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common import cache

DEADLINE_SECONDS = 20

# makes the folder slowly, noting each beginning in a file
BUILD = """
import sys, time
from pathlib import Path
from common import cache

target, begun, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def make(draft):
    (draft / "half").write_text("made")
    with begun.open("a") as file:
        file.write("begun\\n")
    time.sleep(seconds)
    (draft / "rest").write_text("made")

cache.made(target, make)
"""


def build(target: Path, begun: Path, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", BUILD, target, begun, str(seconds)])


def wait_until_begun(begun: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not begun.exists():
        assert time.monotonic() < deadline, "the build never began"
        time.sleep(0.02)


def test_a_build_killed_midway_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    target, begun = tmp_path / "engine", tmp_path / "begun"
    killed = build(target, begun, 60)
    wait_until_begun(begun)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(DEADLINE_SECONDS)

    assert not target.exists()
    assert build(target, begun, 0).wait(DEADLINE_SECONDS) == 0
    assert sorted(path.name for path in target.iterdir()) == ["half", "rest"]


def test_two_that_need_it_at_once_make_it_once(tmp_path: Path) -> None:
    target, begun = tmp_path / "engine", tmp_path / "begun"
    first = build(target, begun, 1)
    wait_until_begun(begun)
    second = build(target, begun, 1)

    assert [first.wait(DEADLINE_SECONDS), second.wait(DEADLINE_SECONDS)] == [0, 0]
    assert begun.read_text() == "begun\n"


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    target = tmp_path / "engine"
    target.mkdir()

    def refuse(draft: Path) -> None:
        pytest.fail(f"made again in {draft}")

    assert cache.made(target, refuse) == target


def test_a_failed_build_is_tried_again_from_nothing(tmp_path: Path) -> None:
    target = tmp_path / "engine"

    def fail(draft: Path) -> None:
        (draft / "half").touch()
        raise OSError("disk full")

    def succeed(draft: Path) -> None:
        assert list(draft.iterdir()) == []

    with pytest.raises(OSError, match="disk full"):
        cache.made(target, fail)
    assert cache.made(target, succeed).is_dir()
