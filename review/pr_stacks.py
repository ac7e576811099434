"""Environments of pull requests: a stack of its own in the cloud, as long as a label says so."""

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
    """Make the stack's configuration from another stack's: the same account, and short-lived.

    What must be one of a kind is left out (the domain), and what outlives its stack is not
    protected. A file that is there is a developer's, or this job's earlier one: it is kept.
    """
    if not _NAME.fullmatch(stack.name):
        raise ReviewError(f"{stack.name} is no environment of a pull request: pr-NUMBER")
    stack.create()
    stack.configuration.copy_from(source)
    stack.configuration.set_value("auth:protect", "false")
    stack.configuration.unset_value("auth:domain")


def over(github: GitHub, stacks: Iterable[str]) -> list[str]:
    """Name the environments whose pull request is closed or no longer has the label."""
    found = []
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
            found.append(stack)
    return found
