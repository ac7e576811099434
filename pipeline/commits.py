"""The commits between two revisions of the service, from git."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_MOST = 200


@dataclass(frozen=True, kw_only=True)
class Commit:
    short: str
    subject: str
    author: str


@dataclass(frozen=True, kw_only=True)
class Commits:
    """`problem` says why the list is not the whole truth; `backwards` that they are taken out."""

    listed: tuple[Commit, ...] = ()
    backwards: bool = False
    problem: str = ""


def between(clone: Path, old: str, new: str, *, folder: str = "service") -> Commits:
    """List the commits that touched `folder` after `old` up to `new`, newest first.

    Revisions as components.image names them: short, and `-dirty` for what is in no commit.
    """
    dirty = new.endswith("-dirty")
    problem = "the work tree holds changes that are in no commit" if dirty else ""
    first, last = old.removesuffix("-dirty"), new.removesuffix("-dirty")
    if first == last or not first or not last:
        return Commits(problem=problem)
    for revision in (first, last):
        # a name that git could take for an option, or for another thing, is no revision of ours
        if not _git(clone, "rev-parse", "--verify", "--quiet", "--end-of-options", revision):
            return Commits(problem=f"{revision[:40]} is not in this clone's history")
    forward = _log(clone, first, last, folder)
    if forward:
        return Commits(listed=forward, problem=problem)
    return Commits(listed=_log(clone, last, first, folder), backwards=True, problem=problem)


def head(clone: Path) -> tuple[str, str]:
    """Give the commit that is checked out and its tree: equal trees are equal sources."""
    return _git(clone, "rev-parse", "HEAD"), _git(clone, "rev-parse", "HEAD^{tree}")


def changed_files(clone: Path, old_tree: str, new_tree: str) -> list[str]:
    """Name what differs between two trees; nothing if one of them is not here."""
    if not _git(clone, "cat-file", "-t", old_tree):
        return []
    return _git(clone, "diff", "--name-only", old_tree, new_tree).splitlines()


def _log(clone: Path, old: str, new: str, folder: str) -> tuple[Commit, ...]:
    text = _git(
        *(clone, "log", f"--max-count={_MOST}", "--format=%h%x00%s%x00%an"),
        *(f"{old}..{new}", "--", folder),
    )
    rows = [line.split("\0") for line in text.splitlines()]
    return tuple(Commit(short=row[0], subject=row[1], author=row[2]) for row in rows)


def _git(clone: Path, *argv: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(clone), *argv], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() if result.returncode == 0 else ""
