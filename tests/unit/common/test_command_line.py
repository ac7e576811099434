"""A command whose reader goes away ends as SIGPIPE would end it."""

import subprocess
import sys

import pytest

from common import command_line

_MUCH = """
import sys
from common import command_line

def show():
    for number in range(100_000):
        print(number)
    return 0

sys.exit(command_line.exit_status(show))
"""
_LITTLE = """
import sys, time
from common import command_line

def show():
    print("a line that is still in the buffer")
    sys.stdin.read()
    return 0

sys.exit(command_line.exit_status(show))
"""


@pytest.mark.parametrize("program", [_MUCH, _LITTLE], ids=["while it prints", "at its end"])
def test_a_command_whose_reader_is_gone_ends_without_a_traceback(program: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate("", timeout=60)

    assert errors == ""
    assert process.returncode == command_line.READER_GONE


def test_another_broken_pipe_is_an_error_of_its_own() -> None:
    def fail() -> int:
        raise BrokenPipeError("of a program that was started")

    with pytest.raises(BrokenPipeError):
        command_line.exit_status(fail)
