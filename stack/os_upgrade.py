"""`make os-upgrade`: security updates on the server, and the reboot that some of them need."""

import contextlib
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.progress import step
from components import advice, person
from stack import alarms, ssh, unreachable
from stack.errors import StackError

if TYPE_CHECKING:
    from stack.stack import Stack

_REBOOT_SECONDS = 600
_POLL_SECONDS = 1
_ANSWER_SECONDS = 15


def run(stack: "Stack", *, reboot: bool, as_json: bool) -> int:
    """Upgrade the server, reboot it if that is needed and wanted, and show the result."""
    status, printed = ssh.result(stack, *_command("upgrade"), stdin="")
    if status != 0:
        print(printed, end="")
        return status
    result = json.loads(printed)
    result["rebooted"] = None
    if reboot and result["reboot_required"]:
        result["rebooted"] = _reboot(stack)
        result |= _state(stack)
    if as_json:
        print(json.dumps(result))
    else:
        print("\n".join(described(result, stack.name)))
    return 0


def described(result: Mapping[str, Any], stack: str) -> list[str]:
    """Return the lines for people about an upgrade, from the release tool's result."""
    upgraded = result["upgraded"]
    lines = [
        f"{len(upgraded)} package{'s' * (len(upgraded) != 1)} upgraded in {result['seconds']} s."
        if upgraded
        else "No security update waits."
    ]
    lines += [
        f"  {each['package']}  {each['former'] or '(new)'} → {each['version']}" for each in upgraded
    ]
    if left := result["security_updates"]:
        lines.append(f"  held back: {', '.join(left)}")
    if seconds := result["rebooted"]:
        lines.append(f"The server rebooted, and answers again after {seconds} s.")
    elif result["reboot_required"]:
        now = advice.make("os-upgrade REBOOT=1", stack)
        window = result["reboot_window"]
        by_itself = f"It comes by itself, {window}. " if window else ""
        lines.append(f"A reboot is needed. {by_itself}At once: {now}")
    return lines


def _reboot(stack: "Stack") -> int:
    """Reboot the server; return the seconds until its services answered again."""
    former = _state(stack)["booted"]
    with alarms.quiet(stack, "reboot"), step("Reboot the server, and wait for its services"):
        started = time.monotonic()
        status = unreachable.SSH_FAILED
        # the connection may end before the answer
        with contextlib.suppress(StackError):
            status, _ = ssh.result(stack, *_command("reboot"), stdin="")
        if status not in {0, unreachable.SSH_FAILED}:
            raise StackError("The server did not reboot; the reason is above.")
        problem = ""
        while time.monotonic() - started < _REBOOT_SECONDS:
            try:
                problem = _problem(stack, former)
            except StackError as error:
                problem = str(error)
            if not problem:
                return round(time.monotonic() - started)
            time.sleep(_POLL_SECONDS)
    raise StackError(
        f"The server is not back {_REBOOT_SECONDS} s after its reboot: {problem}. "
        f"See: {advice.make('status', stack.name)}"
    )


def _problem(stack: "Stack", former: str) -> str:
    """Return the reason why the reboot is not over yet; empty if it is."""
    if _state(stack)["booted"] == former:
        return "it did not reboot"
    status = ssh.report(stack, "status")
    if not status["live"]:
        return ""
    if not status["running"]:
        return "the container does not run"
    return str(status["problem"] or "")


def _state(stack: "Stack") -> dict[str, Any]:
    """Return the state of the server's operating system: its boot, and what waits."""
    answer = ssh.ask(stack, *ssh.host_tool("os", "show"), seconds=_ANSWER_SECONDS)
    return dict(json.loads(answer))


def _command(action: str) -> list[str]:
    return ssh.host_tool("os", action, *person.flag(person.current()))
