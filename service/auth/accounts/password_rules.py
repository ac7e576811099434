"""The rules for passwords: NIST SP 800-63B §3.1.1.2.

A password is long enough, on no list of common passwords, and not the account's own name. There are
no rules of composition and no expiry, which the same document refuses: they make passwords worse.
The list is zxcvbn's, the 30 000 most used in published breaches, which works offline. It has only
the passwords that are guessed first, of billions of leaked ones.
"""

import importlib.machinery
import importlib.util
import unicodedata
from enum import Enum
from functools import cache

from auth.crypto import password_forms
from auth.languages.messages import Message

SHORTEST, LONGEST = 8, 128


class Refusal(Enum):
    """The reason why a password is refused."""

    CHARACTERS = Message(
        "The password has a character that keyboards do not agree on. Choose another."
    )
    LENGTH = Message(
        "The password must have %(shortest)s to %(longest)s characters.",
        shortest=SHORTEST,
        longest=LONGEST,
    )
    COMMON = Message("The password is too common: it would be guessed first. Choose another.")
    IDENTITY = Message("The password is the e-mail address. Choose another.")


def refusal(password: str, email: str) -> Refusal | None:
    """Return the reason why the account can't have this password, None if it can."""
    if not SHORTEST <= len(password) <= LONGEST:
        return Refusal.LENGTH
    form = password_forms.prepared(password)
    if form is None:
        return Refusal.CHARACTERS
    if not SHORTEST <= len(form) <= LONGEST:
        return Refusal.LENGTH
    folded = _folded(password)
    name = _folded(email)
    if folded in {name, name.partition("@")[0]}:
        return Refusal.IDENTITY
    if f"\n{folded}\n" in common() or len(set(folded)) == 1:
        return Refusal.COMMON
    return None


@cache
def common() -> str:
    """Return the common passwords, each between line ends.

    Call it at the start, before most objects are made: they take the place of the 7 MB that reading
    takes for a moment.
    """
    passwords = _frequencies()["passwords"]
    # searched as a text: a set would take 1 MB, and saves a tenth of a millisecond
    return "\n".join(["", *(text for text in passwords if len(text) >= SHORTEST), ""])


def _folded(text: str) -> str:
    # NFKC, since a guess with full-width letters is the same password
    return unicodedata.normalize("NFKC", text).casefold()


def _frequencies() -> dict[str, list[str]]:
    """Load zxcvbn's lists alone, not the package: its matcher keeps 14 MB of tables for ever."""
    package = importlib.util.find_spec("zxcvbn")
    assert package is not None  # noqa: S101 - it is one of our requirements
    # loaded as a module, not from its file: the image holds packages as bytecode only
    folders = package.submodule_search_locations
    spec = importlib.machinery.PathFinder.find_spec("frequency_lists", folders)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lists: dict[str, list[str]] = module.FREQUENCY_LISTS
    return lists
