"""The problems of a configuration, and the message that lists them all."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import advice

# The engine indents the message by 4 columns, and terminals have 80.
_COLUMNS = 76


@dataclass(frozen=True)
class Problem:
    """A problem with its rule, and the command that is its remedy."""

    text: str
    command: str = ""  # on a line of its own, never wrapped, so that it can be copied

    @property
    def key(self) -> str:
        """Return the key at the begin of the text, such as `auth:domain`."""
        return self.text.partition(" ")[0].rstrip(":")

    def of_stack(self, stack: str) -> "Problem":
        """Return the problem with the stack's name in its commands."""
        text, command = (advice.of_stack(part, stack) for part in (self.text, self.command))
        return Problem(text, command)

    def __str__(self) -> str:
        text = textwrap.fill(
            self.text,
            _COLUMNS,
            initial_indent="  - ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        return f"{text}\n      {self.command}" if self.command else text


class ConfigurationError(pulumi.RunError):
    """The configuration can't be used; the message lists every problem with its remedy."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        noun = "problem" if len(problems) == 1 else "problems"
        heading = f"{len(problems)} {noun} in the stack's configuration:"
        super().__init__("\n".join([heading, *map(str, problems)]))
        self.problems = tuple(problems)

    def of_stack(self, stack: str) -> "ConfigurationError":
        """Return the error with the stack's name in each command."""
        return ConfigurationError([problem.of_stack(stack) for problem in self.problems])
