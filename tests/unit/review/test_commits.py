"""The commits between two releases, on a real repository."""

import subprocess
from pathlib import Path

import pytest

from review import commits


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

    assert "uncommitted changes" in commits.between(clone, old, f"{old}-dirty").problem


# what Python takes for the end of a line and git does not
LINE_ENDS = {"U+2028": "\u2028", "U+2029": "\u2029", "U+0085": "\x85", "FF": "\f", "CR": "\r"}


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_a_line_end_inside_of_a_subject_or_an_author_ends_no_record(clone: Path, end: str) -> None:
    old = revision(clone, "HEAD")
    git(clone, "config", "user.name", "Ada")
    path = clone / "service" / f"a{end}b.py"
    path.write_text("")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", f"--author=Gra{end}ce <g@x.test>", f"--message=Sub{end}ject")

    found = commits.between(clone, old, revision(clone, "HEAD"))

    assert [(one.subject, one.author) for one in found.listed] == [(f"Sub{end}ject", f"Gra{end}ce")]
    _, tree = commits.head(clone)
    assert commits.changed_files(clone, git(clone, "rev-parse", f"{old}^{{tree}}"), tree) == [
        f"service/a{end}b.py"
    ]


def test_an_author_in_another_encoding_is_listed(clone: Path) -> None:
    old = revision(clone, "HEAD")
    commit(clone, "service/9.py", "Change 9")
    raw = subprocess.run(
        ["git", "cat-file", "commit", "HEAD"], cwd=clone, capture_output=True, check=True
    ).stdout.replace(b"author Ada", b"author Ad\xe9")
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=clone,
        input=raw,
        capture_output=True,
        check=True,
    ).stdout.decode()

    found = commits.between(clone, old, made.strip())

    assert [one.author for one in found.listed] == ["Ad\ufffd"]


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
