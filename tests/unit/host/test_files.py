"""Files that are written only if their text changes."""

import os
from pathlib import Path

import pytest

from host.auth_release import files


def test_a_file_with_the_same_text_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "unit"

    assert files.write_changed(path, "text", mode=0o600)
    inode = path.stat().st_ino
    assert not files.write_changed(path, "text", mode=0o600)

    assert path.stat().st_ino == inode
    assert path.stat().st_mode & 0o777 == 0o600
    assert files.write_changed(path, "other")
    assert path.read_text() == "other"


def test_the_owner_is_set_after_a_run_that_was_killed_before_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned: list[tuple[Path, int, int]] = []
    (tmp_path / "settings").write_text("text")
    monkeypatch.setattr(os, "chown", lambda *arguments: owned.append(arguments))

    files.write_changed(tmp_path / "settings", "text", owner=10001)

    assert owned == [(tmp_path / "settings", 10001, 10001)]
