"""The messages of a step that fails, hangs or leaves a daemon behind."""

import sys
import time
from pathlib import Path

import pytest

from common import progress

REMEDY = "Do it by hand."


def python(script: str, log: Path, timeout: float = 30) -> None:
    progress.run(sys.executable, "-c", script, log=log, remedy=REMEDY, timeout=timeout)


def test_a_failure_tells_the_status_the_last_words_the_log_and_the_way_out(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "step.log"

    with pytest.raises(progress.StepError) as failure:
        python("print('the disk is full'); raise SystemExit(3)", log)

    for part in ("status 3", "the disk is full", str(log), REMEDY):
        assert part in str(failure.value)
    assert log.read_text() == "the disk is full\n"


def test_a_program_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(progress.StepError, match="`no-such-program` can't be run: No such file"):
        progress.run("no-such-program", log=tmp_path / "log", remedy=REMEDY)


def test_a_program_that_hangs_is_ended_at_its_deadline(tmp_path: Path) -> None:
    began = time.monotonic()

    with pytest.raises(progress.StepError, match=r"did not end within 1 s:\s+halfway"):
        python(
            "import time; print('halfway', flush=True); time.sleep(60)", tmp_path / "log", timeout=1
        )

    assert time.monotonic() - began < 20


def test_a_chatty_program_that_hangs_is_ended_too(tmp_path: Path) -> None:
    script = "import time\nwhile True:\n    print('still here', flush=True)\n    time.sleep(0.01)"

    with pytest.raises(progress.StepError, match="did not end within 1 s"):
        python(script, tmp_path / "log", timeout=1)


def test_a_daemon_that_holds_the_pipe_is_not_waited_for(tmp_path: Path) -> None:
    daemon = "import subprocess as s; s.Popen(['sleep', '15']); print('started')"
    began = time.monotonic()

    python(daemon, tmp_path / "log")

    assert time.monotonic() - began < 10
    assert (tmp_path / "log").read_text() == "started\n"


def test_a_build_says_how_many_of_its_parts_are_done_in_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_EVERY_SECONDS", 0)
    script = "for name in 'abc': print(name * 100, flush=True)"

    progress.run(
        sys.executable, "-c", script, log=tmp_path / "log", remedy=REMEDY, expected_lines=4
    )

    lines = capsys.readouterr().err.splitlines()
    assert "3 of 4, ccc" in lines[-1]
    assert max(map(len, lines)) <= 80
