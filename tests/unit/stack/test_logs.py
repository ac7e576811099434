"""The flags of `make logs`."""

import pytest

from common.progress import StepError
from stack import cli, logs


def flags(*argv: str) -> list[str]:
    return logs.flags(cli.parser().parse_args(["logs", *argv]))


@pytest.mark.parametrize(
    ("flag", "value", "variable"),
    [
        ("--lines", "0", "LINES"),
        ("--lines", "all", "LINES"),
        ("--lines", "100001", "LINES"),
        ("--since", "yesterday", "SINCE"),
        ("--since", "2h ago", "SINCE"),
        ("--grep", "(", "GREP"),
        ("--request", "1", "REQUEST"),
        ("--request", "$(reboot)", "REQUEST"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(
    flag: str, value: str, variable: str
) -> None:
    with pytest.raises(StepError, match=f"{variable} is "):
        flags(f"{flag}={value}")


def test_a_pattern_may_begin_like_a_flag() -> None:
    assert flags("--grep=--follow") == ["--grep=--follow"]


def test_without_a_choice_the_release_tool_decides() -> None:
    assert flags() == []
