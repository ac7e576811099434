"""Which passwords an account may have: NIST SP 800-63B §3.1.1.2.

Long enough, known to no list of common ones, and not the account's own name. No rules of
composition and no expiry, both of which the same document refuses: they make passwords worse.
The list is that of zxcvbn, the 30 000 most used in published breaches: it is there offline. Of
billions of leaked passwords it knows only the ones that are guessed first.
"""

import importlib.machinery
import importlib.util
import unicodedata
from enum import StrEnum
from functools import cache

SHORTEST, LONGEST = 8, 128


class Refusal(StrEnum):
    """Why a password is refused, as clients are told."""

    LENGTH = f"The password must have {SHORTEST} to {LONGEST} characters."
    COMMON = "The password is one of those that are tried first. Choose another."
    IDENTITY = "The password is the e-mail address. Choose another."


def refusal(password: str, email: str) -> Refusal | None:
    """Return the reason why the account can't have this password, None if it can."""
    if not SHORTEST <= len(password) <= LONGEST:
        return Refusal.LENGTH
    folded = _folded(password)
    name = _folded(email)
    if folded in {name, name.partition("@")[0]}:
        return Refusal.IDENTITY
    if folded in common() or len(set(folded)) == 1:
        return Refusal.COMMON
    return None


@cache
def common() -> frozenset[str]:
    """Read the list once; call it at the start, since the first call takes some 20 ms."""
    return frozenset(
        password for password in _frequencies()["passwords"] if len(password) >= SHORTEST
    )


def _folded(text: str) -> str:
    # NFKC, as full-width letters are no other password to those who guess
    return unicodedata.normalize("NFKC", text).casefold()


def _frequencies() -> dict[str, list[str]]:
    """Load zxcvbn's lists alone, not the package: its matcher keeps 14 MB of tables for ever."""
    package = importlib.util.find_spec("zxcvbn")
    assert package is not None  # noqa: S101 - it is one of our requirements
    # found as a module, not by its file: the image holds packages as bytecode only
    folders = package.submodule_search_locations
    spec = importlib.machinery.PathFinder.find_spec("frequency_lists", folders)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lists: dict[str, list[str]] = module.FREQUENCY_LISTS
    return lists
