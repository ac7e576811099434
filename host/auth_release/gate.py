"""The forced command of a key (sshd(8), AUTHORIZED_KEYS): it runs some commands and no others."""

import os
import shlex
import sys
import syslog
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from .callers import DEPLOYMENT, OPERATOR, RELEASE
from .failures import visible

TOOL = "/usr/local/sbin/auth-release"
_SUDO = ("sudo", "--non-interactive")
_READING = frozenset({"status", "history", "logs", "backups", "--help"})
_RELEASING = _READING | {"rollback", "backup", "proof"}
_LONGEST = 200  # characters of a command in the journal


def run(role: str, name: str, environment: Mapping[str, str] = os.environ) -> int:
    """Run the command that the client asked for, if the role permits it.

    No shell sees it: its words are the arguments of the program. Returns for a refused command
    alone, as the program takes the place of this process.
    """
    command = environment.get("SSH_ORIGINAL_COMMAND", "")
    words = _words(command)
    entry = visible(f"{name} ({role}): {command[:_LONGEST] or 'a shell'}")
    if not is_permitted(role, words):
        syslog.syslog(syslog.LOG_WARNING, f"refused: {entry}")
        reason = "permits no such command" if command else "permits no shell"
        print(
            f"The key {name} has the role {role}, which {reason}. An operator with the role admin "
            "has a shell: auth:operators.",
            file=sys.stderr,
        )
        return 1
    syslog.syslog(entry)
    return _execute(words, {**environment, OPERATOR: name})


def _execute(words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    os.execvpe(words[0], list(words), environment)  # noqa: S606 - no shell on purpose


def is_permitted(role: str, words: Sequence[str]) -> bool:
    """Check whether a role permits a command."""
    return role in ROLES and ROLES[role](_behind_sudo(words))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _behind_sudo(words: Sequence[str]) -> Sequence[str]:
    """Return the command behind sudo and its time limit; empty for a command of another form."""
    if not words or words[0] != "sudo":
        return ()
    rest = words[2:] if tuple(words[:2]) == _SUDO else words[1:]
    if len(rest) > 1 and rest[0] == "timeout" and rest[1].isascii() and rest[1].isdigit():
        rest = rest[2:]
    return rest


def _is_tool(words: Sequence[str]) -> bool:
    return bool(words) and words[0] in {TOOL, "auth-release"}


def _may_release(words: Sequence[str]) -> bool:
    return _is_tool(words) and len(words) > 1 and words[1] in _RELEASING


def _may_deploy(words: Sequence[str]) -> bool:
    """Check for the commands of components/commands.py, and of the question before a removal."""
    provisions = tuple(words[:4]) == ("bash", "-s", "--", "--boot-volume")
    installs = (
        len(words) > 4  # noqa: PLR2004 - sh, -c, the script, its name, the tool
        and tuple(words[:2]) == ("sh", "-c")
        and words[3].startswith("install on ")
        and words[4] == TOOL
    )
    return _is_tool(words) or provisions or installs or tuple(words[:1]) == ("df",)


ROLES: Mapping[str, Callable[[Sequence[str]], bool]] = {
    DEPLOYMENT: _may_deploy,
    RELEASE: _may_release,
}
