"""`make status`: the answer of the server or the cluster, and below it alarms and cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from common.clone import CLONE
from common.progress import StepError
from costs import bill
from stack import alarms, environment, spend
from stack.names import is_local
from stack.stack import Stack

_NO_ALARMS = "off, and nobody is mailed: set auth:alertEmails"


def show(stack: Stack, ask: Callable[[], int]) -> int:
    """Print the status for people; the platform and the cloud are asked side by side.

    `ask` prints the platform's own answer and returns its exit status.
    """
    with ThreadPoolExecutor(1) as beside:
        of_stack = beside.submit(lambda: list(_of_stack(stack)))
        status = ask()
    print("\n".join(of_stack.result()))
    return status


def _of_stack(stack: Stack) -> Iterator[str]:
    """List the lines about the alarms and the cost.

    A question to the cloud takes seconds: a stack without alarms and without a budget needs no
    answer of it.
    """
    try:
        resources = [each for each in stack.resources() if not each.get("delete")]
    except StepError as error:
        yield f"  alarms   unknown: {error}"
        return
    has = {each["type"] for each in resources}.__contains__
    with_cloud = cache(lambda: environment.existing(CLONE, stack.name))
    if has(alarms.ALARM):
        yield from _asked("alarms", lambda: summary(alarms.Monitoring(with_cloud()).states()))
    else:
        yield f"  alarms   {_NO_ALARMS}"
    yield cost(stack.name, resources)
    if has(spend.BUDGET):
        yield from _asked("spend", lambda: [f"  spend    {spend.of(with_cloud(), resources)}"])


def _asked(name: str, ask: Callable[[], list[str]]) -> list[str]:
    """Return the lines of an answer of the cloud, or a line about its absence."""
    try:
        return ask()
    except StepError as error:
        return [f"  {name:8} unknown: {error}"]


def cost(stack: str, resources: Sequence[Mapping[str, Any]]) -> str:
    """Return the line about the cost of a month, by the price list of this version."""
    monthly = bill.monthly(bill.of_state(resources))
    emulated = ", on Oracle Cloud; emulated, it costs nothing" if is_local(stack) else ""
    return (
        f"  cost     {monthly.price:.2f} {monthly.currency} a month after Always Free, "
        f"{monthly.list_price:.2f} by the list of {monthly.date}{emulated}"
    )


def summary(states: list[alarms.AlarmState]) -> list[str]:
    """Return a line for each alarm that fires, or a line for all."""
    firing = [each for each in states if each.state == "FIRING"]
    off = sum(each.state == "OFF" for each in states)
    disabled = f", {off} disabled" if off else ""
    return [f"  alarms   {line}" for line in alarms.lines(firing)] or [
        f"  alarms   none of {len(states)} fires{disabled}"
    ]
