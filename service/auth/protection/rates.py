"""The rates at which a client, or an account from anywhere, may make attempts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LEASES = 100


@dataclass(frozen=True)
class Rate:
    """`count` in `seconds`; a count of 0 is no limit."""

    count: int
    seconds: int

    @property
    def lease(self) -> int:
        """The number of attempts taken at once, so that a high limit costs few statements."""
        return max(1, self.count // _LEASES)


# An office or a campus shares an address: the limit of a client leaves room for that. Refresh
# tokens can't be guessed; their limit only keeps the load fair.
DEFAULTS: Mapping[str, Rate] = {
    "login": Rate(60, 60),
    "login_account": Rate(30, 60),
    "register": Rate(120, 3600),
    "mail": Rate(30, 3600),
    "mail_account": Rate(5, 3600),
    "guess": Rate(60, 60),
    "guess_account": Rate(10, 60),
    "refresh": Rate(15_000, 60),
    "token": Rate(3_000, 60),
}
_WORD = re.compile(r"([a-z_]+)=(?:([0-9]{1,7})/([0-9]{1,6})|off)")


def rates(words: str) -> Mapping[str, Rate]:
    """Read changes of the defaults: `login=10/60 register=off`, or `off` for no limit at all.

    Raise ValueError with the first wrong word.
    """
    if words.strip() == "off":
        return {name: Rate(0, 1) for name in DEFAULTS}
    changed = dict(DEFAULTS)
    for word in words.replace(",", " ").split():
        match = _WORD.fullmatch(word)
        if match is None or match[1] not in DEFAULTS or match[3] in {"0", "00"}:
            raise ValueError(word)
        changed[match[1]] = Rate(int(match[2] or 0), int(match[3] or 1))
    return changed
