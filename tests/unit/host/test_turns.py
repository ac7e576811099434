"""The turns of a host: a few releases at a time."""

import contextlib
from pathlib import Path

import pytest

from host.auth_release.errors import ReleaseError
from host.auth_release.turns import turn


def test_a_release_without_a_turn_fails_with_the_bound_and_the_holders(tmp_path: Path) -> None:
    shown: list[str] = []
    with contextlib.ExitStack() as held:
        for service in ("auth-7", "auth-3"):
            held.enter_context(turn(tmp_path, service, show=shown.append, places=2))
        with (
            pytest.raises(ReleaseError, match="releases 2 services at a time, now auth-3, auth-7"),
            turn(tmp_path, "auth-9", show=shown.append, places=2, seconds=0),
        ):
            pytest.fail("a third release has a turn")

    with turn(tmp_path, "auth-9", show=shown.append, places=2, seconds=0):
        assert shown == []


def test_a_failed_release_frees_its_turn(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), turn(tmp_path, "a", show=print, places=1, seconds=0):
        raise BlockingIOError

    with turn(tmp_path, "b", show=print, places=1, seconds=0):
        pass
