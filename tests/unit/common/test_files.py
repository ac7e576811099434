"""A file is replaced whole, and nobody else reads it unless that is asked for."""

import stat
from pathlib import Path

import pytest

from common import files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_its_owners_alone_and_so_is_a_folder_made_for_it(tmp_path: Path) -> None:
    files.write(tmp_path / "keys" / "key", "secret")

    assert (mode(tmp_path / "keys"), mode(tmp_path / "keys" / "key")) == (0o700, 0o600)


def test_a_file_that_others_could_read_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o644)

    files.write(path, b"secret")

    assert (path.read_text(), mode(path)) == ("secret", 0o600)


@pytest.mark.parametrize("draft", ["file", "link"])
def test_the_draft_of_a_killed_run_is_in_nobodys_way(tmp_path: Path, draft: str) -> None:
    left = tmp_path / ".key.new"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    left.write_text("half") if draft == "file" else left.symlink_to(elsewhere)

    files.write(tmp_path / "key", "whole")

    assert (tmp_path / "key").read_text() == "whole"
    assert elsewhere.read_text() == "untouched"
    assert not left.exists()


def test_a_link_is_led_to_another_target(tmp_path: Path) -> None:
    files.link(tmp_path / "link", tmp_path / "old")
    files.link(tmp_path / "link", tmp_path / "new")

    assert (tmp_path / "link").readlink() == tmp_path / "new"
