"""`make status`: the server's own answer, and the alarms of the stack below it."""

from concurrent.futures import ThreadPoolExecutor

from common.clone import CLONE
from stack import alarms, environment, ssh
from stack.errors import StackError
from stack.stack import Stack


def show(stack: Stack) -> int:
    """Print the status for people; the server and the cloud are asked side by side."""
    with ThreadPoolExecutor(1) as beside:
        # without alarms the cloud is not asked: that takes seconds
        has_alarms = "auth:alertEmails" in stack.configuration.names()
        states = beside.submit(_alarms, stack.name) if has_alarms else None
        status = ssh.run(stack, *ssh.release_tool("status"))
    if states:
        print("\n".join(states.result()))
    return status


def _alarms(name: str) -> list[str]:
    try:
        return summary(alarms.Monitoring(environment.existing(CLONE, name)).states())
    except StackError as error:
        return [f"  alarms   unknown: {error}"]


def summary(states: list[alarms.AlarmState]) -> list[str]:
    """Return a line for each alarm that fires, or a line for all."""
    firing = [each for each in states if each.state == "FIRING"]
    off = sum(each.state == "OFF" for each in states)
    disabled = f", {off} disabled" if off else ""
    return [f"  alarms   {line}" for line in alarms.lines(firing)] or [
        f"  alarms   none of {len(states)} fires{disabled}"
    ]
