"""The commits between two releases, on a real repository."""

import subprocess
from pathlib import Path

import pytest

from pipeline import commits


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    for number in range(4):
        commit(tmp_path, f"service/{number}.py", f"Change {number}")
    commit(tmp_path, "docs/a.md", "Write of it")
    return tmp_path


def git(clone: Path, *argv: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.test", *argv],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def commit(clone: Path, name: str, subject: str) -> None:
    path = clone / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(subject)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", subject)


def revision(clone: Path, name: str) -> str:
    return git(clone, "rev-parse", "--short=12", name)


def subjects(found: commits.Commits) -> list[str]:
    return [one.subject for one in found.listed]


def test_they_are_listed_newest_first_and_only_those_of_the_service(clone: Path) -> None:
    found = commits.between(clone, revision(clone, "HEAD~4"), revision(clone, "HEAD"))

    assert subjects(found) == ["Change 3", "Change 2", "Change 1"]
    assert found.listed[0].author == "Ada"
    assert not found.backwards


def test_going_back_lists_what_is_taken_out(clone: Path) -> None:
    found = commits.between(clone, revision(clone, "HEAD"), revision(clone, "HEAD~3"))

    assert subjects(found) == ["Change 3", "Change 2"]
    assert found.backwards


def test_changes_that_are_in_no_commit_are_said_to_be(clone: Path) -> None:
    old = revision(clone, "HEAD")

    assert "in no commit" in commits.between(clone, old, f"{old}-dirty").problem


@pytest.mark.parametrize("unknown", ["0123456789ab", "unversioned", "--output=/tmp/x", "HEAD; ls"])
def test_a_revision_that_is_not_here_is_said_and_never_an_option(clone: Path, unknown: str) -> None:
    found = commits.between(clone, unknown, revision(clone, "HEAD"))

    assert found.listed == ()
    assert "not in this clone's history" in found.problem


def test_equal_sources_have_equal_trees_whatever_the_commit(clone: Path) -> None:
    first, tree = commits.head(clone)
    git(clone, "commit", "--quiet", "--amend", "--message", "Another word for it")

    second, same = commits.head(clone)

    assert first != second
    assert tree == same
    assert commits.changed_files(clone, tree, git(clone, "rev-parse", "HEAD~1^{tree}")) == [
        "docs/a.md"
    ]
