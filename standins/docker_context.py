"""The digest of a build context, byte for byte as the official docker plugin computes it.

Were it another, a stack that changes plugins would build and release its image again.
"""

import hashlib
import os
import stat
from pathlib import Path

from standins import light_imports
from standins.resource import ProviderError

with light_imports.left_out_contents("docker", "docker.utils"):
    from docker.utils.build import PatternMatcher

_NO_MODE = "----------"  # the Dockerfile counts by its content, however it is named and kept


def context_digest(context: str, dockerfile: str) -> str:
    """Return a hash of names, modes and contents of the context's files that are not ignored."""
    if not Path(context).is_dir():
        raise ProviderError(f"build.context is {context!r}; there is no such folder")
    if not Path(dockerfile).is_file():
        raise ProviderError(f"build.dockerfile is {dockerfile!r}; there is no such file")
    digest = hashlib.sha256()
    digest.update(_entry("Dockerfile", _NO_MODE, Path(dockerfile).read_bytes()))
    for name in sorted(_files(context, dockerfile), key=lambda name: os.fsencode(name).split(b"/")):
        path = os.path.join(context, name)  # noqa: PTH118 - of a link the text counts
        mode = Path(path).lstat().st_mode
        if stat.S_ISLNK(mode):
            digest.update(_entry(name, "L" + _rights(mode), os.fsencode(_resolved(path))))
        elif stat.S_ISREG(mode):
            digest.update(_entry(name, "-" + _rights(mode), Path(path).read_bytes()))
    return digest.hexdigest()


def _entry(name: str, mode: str, content: bytes) -> bytes:
    return os.fsencode(name) + mode.encode() + hashlib.sha256(content).digest() + b"\0"


def _rights(mode: int) -> str:
    return stat.filemode(stat.S_IFREG | mode & 0o777)[1:]


def _files(context: str, dockerfile: str) -> list[str]:
    """Return all paths but folders and ignored files, relative to the context."""
    matcher = PatternMatcher(_ignored(context, dockerfile))
    matcher.patterns.pop()  # the library's own, which never ignores the ignore file
    names = (str(name) for name in matcher.walk(context))
    return [name for name in names if _is_no_folder(Path(context, name))]


def _is_no_folder(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _ignored(context: str, dockerfile: str) -> list[str]:
    """Read the patterns of the Dockerfile's own ignore file, or else of the context's."""
    for file in (Path(f"{dockerfile}.dockerignore"), Path(context, ".dockerignore")):
        if file.is_file():
            lines = (line.strip() for line in file.read_text().split("\n"))
            return [line for line in lines if line and not line.startswith("#")]
    return []


def _resolved(path: str) -> str:
    """Return where a link leads: relative as `path` is, unless an absolute link is on the way."""
    try:
        real = Path(path).resolve(strict=True)
    except OSError as error:
        raise ProviderError(f"could not evaluate symlink at {path}: {error.strerror}") from None
    if Path(path).is_absolute() or Path(path).readlink().is_absolute():
        return str(real)
    return os.path.relpath(real, Path.cwd())
