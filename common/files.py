"""Files and links that are replaced whole: a killed run leaves the old or the new, never half."""

import os
from pathlib import Path

PRIVATE = 0o600  # its owner alone reads it


def write(path: Path, content: str | bytes, *, mode: int = PRIVATE) -> None:
    """Replace the file's content; its folder is made if it is not there, for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    draft.replace(path)


def link(path: Path, target: Path) -> None:
    """Make `path` a symbolic link to the target, unless it is so already."""
    if path.is_symlink() and path.readlink() == target:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path)
    draft.symlink_to(target)
    draft.replace(path)


def _draft(path: Path) -> Path:
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    return draft
