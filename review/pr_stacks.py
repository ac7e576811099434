"""The stacks of pull requests: each has its own in the cloud while it has a label."""

import re
from collections.abc import Iterable

from review.errors import ReviewError
from review.github import GitHub
from review.posts import labels
from stack.stack import Stack

LABEL = "environment"
_NAME = re.compile(r"pr-([1-9][0-9]*)")


def name(pull_request: int) -> str:
    return f"pr-{pull_request}"


def configure(stack: Stack, source: str) -> None:
    """Make the stack's configuration from that of another stack: same account, short life.

    The domain and the budget, which must be unique, are left out, and no resource is protected or
    backed up. An existing file is a developer's or this job's: it is kept.
    """
    if not _NAME.fullmatch(stack.name):
        raise ReviewError(f"{stack.name} is no stack of a pull request; such a name is pr-12")
    stack.create()
    stack.configuration.copy_from(source)
    stack.configuration.set_value("auth:protect", "false")
    # its data is for trials, and the tenancy's free backups are for the other stacks
    stack.configuration.set_value("auth:dataVolumeBackups", "false")
    # a compartment has a single budget, which is that of the other stack
    stack.configuration.set_value("auth:monthlyBudget", "0")
    stack.configuration.unset_value("auth:domain")
    stack.configuration.unset_value("auth:backupBucket")


def over(github: GitHub, stacks: Iterable[str]) -> list[str]:
    """Return the stacks whose pull request is closed or no longer has the label."""
    over_stacks = []
    for stack in stacks:
        match = _NAME.fullmatch(stack)
        if not match:
            continue
        number = int(match[1])
        pull_request = github.find(f"pulls/{number}")
        if (
            pull_request is None
            or pull_request["state"] != "open"
            or LABEL not in labels(github, number)
        ):
            over_stacks.append(stack)
    return over_stacks
