"""The branch of a promotion: a single commit, which sets the image in a stack's file.

The commit is made before the branch, and the branch in one step: a killed run leaves no half.
"""

import base64
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from review.context import Context
from review.errors import ReviewError
from review.github import GitHub

_FILE = "100644"  # git's mode of a file that is not executable


def name_of(target: str, release: int) -> str:
    return f"promote/{target}-r{release}"


def refuse_changes(clone: Path) -> None:
    """Raise ReviewError if the clone has changes that are in no commit."""
    if changes := _git(clone, "status", "--porcelain"):
        first = changes.split("\n")[0][3:]
        raise ReviewError(
            f"This clone has changes that are in no commit, such as {first}. A promotion changes a "
            "single file of a commit: commit the changes, or put them aside with `git stash`."
        )


def in_clone(clone: Path, branch: str, file: str, text: str, message: str) -> bool:
    """Make the branch on top of the clone's commit, and check it out; False if it was there.

    Raises ReviewError for a branch of this name with another content of the file.
    """
    present = _git(clone, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", fails="")
    if present:
        content = _git(clone, "show", f"{branch}:{file}", fails="")
        _refuse_other(content, text, branch, f"git branch -D {branch}")
    else:
        commit = _commit(clone, file, text, message)
        _git(clone, "branch", branch, commit)
    _git(clone, "switch", "--quiet", branch)
    return not present


def on_github(context: Context, branch: str, file: str, text: str, message: str) -> None:
    """Make the branch on GitHub, on top of the run's commit, unless it is there.

    Raises ReviewError for a branch of this name with another content of the file.
    """
    with GitHub(context) as github:
        if github.find(f"branches/{quote(branch, safe='')}"):
            present = github.find(f"contents/{quote(file)}", ref=branch) or {"content": ""}
            content = base64.b64decode(present["content"]).decode()
            _refuse_other(content, text, branch, f"git push origin --delete {branch}")
            return
        entry = {"path": file, "mode": _FILE, "type": "blob", "content": text}
        tree = github.send("POST", "git/trees", {"base_tree": context.commit, "tree": [entry]})
        commit = github.send(
            "POST",
            "git/commits",
            {"message": message, "tree": tree["sha"], "parents": [context.commit]},
        )
        github.send("POST", "git/refs", {"ref": f"refs/heads/{branch}", "sha": commit["sha"]})


def _refuse_other(present: str, text: str, branch: str, removal: str) -> None:
    """Compare without the line of the origin, whose duration grows."""

    def content(file: str) -> list[str]:
        return [line for line in file.rstrip().split("\n") if "auth:imageOrigin" not in line]

    if content(present) != content(text):
        raise ReviewError(
            f"There is a branch {branch} already, with another content. If it is of no use any "
            f"more: {removal}"
        )


def _commit(clone: Path, file: str, text: str, message: str) -> str:
    blob = _git(clone, "hash-object", "-w", "--stdin", stdin=text)
    with tempfile.TemporaryDirectory() as folder:
        # an index of its own: the clone's stays as it is
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(clone, "read-tree", "HEAD", **index)
        _git(clone, "update-index", "--add", "--cacheinfo", f"{_FILE},{blob},{file}", **index)
        tree = _git(clone, "write-tree", **index)
    return _git(clone, "commit-tree", tree, "-p", "HEAD", "-m", message)


def _git(
    clone: Path, *argv: str, stdin: str = "", fails: str | None = None, **variables: str
) -> str:
    """Return git's output; if it fails, return `fails`, or raise ReviewError without it."""
    result = subprocess.run(
        ["git", "-C", str(clone), *argv],
        input=stdin,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == 0:
        return result.stdout.rstrip("\n")
    if fails is None:
        raise ReviewError(f"`git {argv[0]}` failed: {result.stderr.strip()}")
    return fails
