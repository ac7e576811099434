"""How a failure is told: once, in one sentence, whatever it was."""

import traceback
from pathlib import Path

from .errors import ReleaseError


def reason(error: BaseException) -> str:
    """Return why something failed, in one line without a control character."""
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
    r"""Write as \x1b and the like what is not to be seen, but would steer a terminal or a log.

    That is also half a surrogate pair, which no stream can be given.
    """
    return "".join(
        character
        if character.isprintable() or character == "\t"
        else character.encode("unicode_escape").decode()
        for character in text
    )
