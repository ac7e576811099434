"""The build context of an image: the files of its folder that the build sees."""

import contextlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

# the build reads these two, even if a rule leaves them out
_ALWAYS = frozenset({"Dockerfile", ".dockerignore"})


class BuildContext:
    """A folder with a `.dockerignore`: https://docs.docker.com/build/concepts/context/#syntax."""

    def __init__(self, ignore: str) -> None:
        self._rules = [
            (line.startswith("!"), _pattern(line.removeprefix("!")))
            for line in map(str.strip, ignore.split("\n"))
            if line and not line.startswith("#")
        ]

    @classmethod
    def of(cls, folder: Path) -> "BuildContext":
        file = folder / ".dockerignore"
        return cls(file.read_text() if file.exists() else "")

    def holds(self, name: str) -> bool:
        """Return whether the build sees a file, by its path from the folder.

        The last rule that matches the file or a folder above it decides.
        """
        if name in _ALWAYS:
            return True
        parts = name.split("/")
        paths = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        is_held = True
        for includes, pattern in self._rules:
            if any(pattern.fullmatch(path) for path in paths):
                is_held = includes
        return is_held

    def settle_modes(self, folder: Path) -> None:
        """Set the modes of the context's files as git does: 755 for an executable file, else 644.

        With another umask the same commit would build another image, and so make a release. A file
        of another owner keeps its mode.
        """
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            mode = path.stat().st_mode & 0o777
            settled = 0o755 if mode & 0o100 else 0o644
            if mode != settled and self.holds(path.relative_to(folder).as_posix()):
                with contextlib.suppress(PermissionError):
                    path.chmod(settled)

    def holds_any(self, names: Iterable[str]) -> bool:
        return any(map(self.holds, names))


@lru_cache
def _pattern(text: str) -> re.Pattern[str]:
    """Translate a pattern of Go's filepath.Match, with `**` for any number of folders."""
    text = text.strip().strip("/")
    tokens = re.findall(r"\*\*/|/\*\*$|\*\*|\*|\?|\[\^?[^\]]+\]|\\.|.", text)
    return re.compile("".join(_TRANSLATED.get(token) or _literal(token) for token in tokens))


_TRANSLATED = {"**/": "(?:.*/)?", "/**": "(?:/.*)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _literal(token: str) -> str:
    if token.startswith("[") and len(token) > 1:
        return token
    return re.escape(token[-1])
