"""The message of a failure: a single sentence, shown once, for every kind of error."""

import traceback
from pathlib import Path

from .errors import ReleaseError


def reason(error: BaseException) -> str:
    """Return the reason of a failure, in a single line without control characters."""
    if isinstance(error, ReleaseError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        text = f"{where}{error.strerror}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
        text = f"{type(error).__name__}{place}: {error}. That is a mistake of auth-release itself"
    return one_line(text)


def one_line(text: str) -> str:
    lines = (line.strip() for line in text.splitlines())
    return visible("; ".join(filter(None, lines)))


def visible(text: str) -> str:
    r"""Escape the characters that would steer a terminal or a log, as \x1b and the like.

    Half a surrogate pair is escaped, too: no stream takes it.
    """
    return "".join(
        character
        if character.isprintable() or character == "\t"
        else character.encode("unicode_escape").decode()
        for character in text
    )
