"""The caller of a run: the person, as the program names it, and the login as this host knows it."""

import os
from dataclasses import dataclass
from pathlib import Path

from .failures import visible

OPERATOR = "AUTH_OPERATOR"  # the variable with the name of the key that logged in
DEPLOYMENT = "deployment"  # the name, and the role, of the key that the program logs in with
RELEASE = "release"  # the role of a key that reads, rolls back and makes copies
_ANCESTORS = 10
_LONGEST = 120  # characters of a person's name


def login() -> str:
    """Return the operator's name or the login behind sudo, and the address of its SSH session.

    The SSH server has the operator's name from the key.
    """
    session = _session()
    user = session.get(OPERATOR) or os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"
    address = (session.get("SSH_CLIENT", "").split() or ["this host"])[0]
    return f"{user} from {address}"


def cleaned(person: str) -> str:
    """Return a person's name in a line without control characters, at most 120 characters long.

    The name is a claim of the program that calls. A cleaned name stays as it is.
    """
    return visible(" ".join(person.split()))[:_LONGEST].strip()


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The caller of a run; as text `ann@example.com on laptop, as ubuntu from 203.0.113.7`."""

    person: str  # empty: the caller named nobody
    login: str

    @classmethod
    def of(cls, person: str) -> "Caller":
        """Return the caller of this process, which names a person."""
        return cls(person=cleaned(person), login=login())

    def __str__(self) -> str:
        return f"{self.person}, as {self.login}" if self.person else self.login


def _session() -> dict[str, str]:
    """Return the variables of the SSH session; sudo hides them, but a parent process has them."""
    process = os.getppid()
    for _ in range(_ANCESTORS):
        folder = Path(f"/proc/{process}")
        try:
            environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            # the fields after the program's name, which may hold anything but ")" at its end
            process = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            return {}
        variables = dict(each.split("=", 1) for each in environment if "=" in each)
        if "SSH_CLIENT" in variables:
            return variables
    return {}
