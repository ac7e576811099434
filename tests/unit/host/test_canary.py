from pathlib import Path

import pytest

from host.auth_release import canary
from host.auth_release.canary import Tally
from host.auth_release.desired import Canary
from host.auth_release.errors import ReleaseError
from tests.unit.host.test_health import Clock

TRIAL = Canary(percent=10, seconds=30, max_error_percent=5)


def test_answers_are_counted_from_the_log_and_half_lines_and_clients_that_left_are_not(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    assert canary.read(log) == Tally(answers=0, errors=0)
    log.write_text('{"status": 200}\n{"status": 502}\n{"status": 0}\nnoise\n{"status": 5')

    assert canary.read(log) == Tally(answers=2, errors=1)


def test_a_line_end_of_python_inside_of_a_record_hides_no_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes('{"agent": "\u2028 \x85 \u2029", "status": 502}\n'.encode())

    assert canary.read(log) == Tally(answers=1, errors=1)


def watch(tally: Tally) -> float:
    clock = Clock()
    canary.watch(TRIAL, count=lambda: tally, exit_code=lambda: None, now=clock, sleep=clock.sleep)
    return clock.time


def test_a_good_trial_lasts_to_its_end() -> None:
    assert watch(Tally(answers=100, errors=5)) == pytest.approx(30)


def test_a_bad_trial_ends_as_soon_as_there_are_enough_answers() -> None:
    clock = Clock()
    tallies = iter([Tally(answers=2, errors=2), Tally(answers=20, errors=2)])
    with pytest.raises(ReleaseError, match="2 of 20 answers"):
        canary.watch(
            TRIAL,
            count=lambda: next(tallies),
            exit_code=lambda: None,
            now=clock,
            sleep=clock.sleep,
        )
    assert clock.time < 3


def test_a_canary_that_dies_ends_the_trial() -> None:
    with pytest.raises(ReleaseError, match="the canary ended with exit code 3"):
        canary.watch(TRIAL, count=lambda: Tally(answers=0, errors=0), exit_code=lambda: 3)
