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
    """`problem` is the reason of an incomplete list; `backwards` means that they are taken out."""

    listed: tuple[Commit, ...] = ()
    backwards: bool = False
    problem: str = ""


def between(clone: Path, old: str, new: str, *, folder: str = "service") -> Commits:
    """List the commits that touched `folder` after `old` up to `new`, newest first.

    Revisions as components.image names them: short, and `-dirty` with uncommitted changes.
    """
    dirty = new.endswith("-dirty")
    problem = "the work tree has uncommitted changes" if dirty else ""
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
    """Return the commit that is checked out, and its tree: equal trees are equal sources."""
    return _hash(clone, "HEAD"), _hash(clone, "HEAD^{tree}")


def changed_files(clone: Path, old_tree: str, new_tree: str) -> list[str]:
    """Return the files in which two trees differ; nothing if the old tree is not in this clone."""
    if not _git(clone, "cat-file", "-t", old_tree):
        return []
    names = _git(clone, "diff", "--name-only", "-z", old_tree, new_tree)
    return names.split("\0")[:-1]


def _log(clone: Path, old: str, new: str, folder: str) -> tuple[Commit, ...]:
    text = _git(
        *(clone, "log", "-z", f"--max-count={_MOST}", "--format=%h%x00%s%x00%an"),
        *(f"{old}..{new}", "--", folder),
    )
    # NUL ends every field: neither a subject nor an author can hold it
    fields = text.split("\0")[:-1]
    rows = zip(fields[0::3], fields[1::3], fields[2::3], strict=True)
    return tuple(
        Commit(short=short, subject=subject, author=author) for short, subject, author in rows
    )


def _hash(clone: Path, name: str) -> str:
    return _git(clone, "rev-parse", name).rstrip("\n")


def _git(clone: Path, *argv: str) -> str:
    # in bytes: the text mode would turn a carriage return inside of a subject into a line's end
    result = subprocess.run(["git", "-C", str(clone), *argv], capture_output=True, check=False)
    return result.stdout.decode(errors="replace") if result.returncode == 0 else ""
