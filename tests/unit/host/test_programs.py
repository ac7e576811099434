"""The release tool's messages about other programs that fail."""

import pytest

from host.auth_release import programs
from host.auth_release.errors import ReleaseError


def test_the_message_of_a_failed_program_is_quoted() -> None:
    with pytest.raises(ReleaseError, match=r"^`sh -c` failed: no room$"):
        programs.run("sh", "-c", "echo no room >&2; exit 1")


def test_a_program_that_can_not_be_run_is_named() -> None:
    with pytest.raises(ReleaseError, match=r"^`no-such-program x` can't be run: No such file"):
        programs.run("no-such-program", "x")


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(ReleaseError, match=r"^`sleep 30` did not end within"):
        programs.run("sleep", "30", timeout=0.1)
