"""Ctrl-C while Pulumi works: once lets it end, twice does not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 20

COMMAND = """
import subprocess, sys
from common import interruption

interruption.stop_on_terminate()
try:
    with interruption.patience():
        program = ["sh", "-c", 'echo working; exec sleep "$1"', "sh", sys.argv[1]]
        subprocess.run(program, check=False)
        print("ended by itself", flush=True)
except KeyboardInterrupt:
    sys.exit(130)
"""


def interrupt(seconds: float, *signals: signal.Signals) -> tuple[int, str, float]:
    """Run a command that takes `seconds`, send it signals, give its status, output and time."""
    began = time.monotonic()
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert command.stdout is not None
    assert command.stdout.readline() == "working\n"
    for number in signals:
        time.sleep(0.5)  # the first signal: until the command waits for the program that it started
        os.kill(command.pid, number)
    output, _ = command.communicate(timeout=DEADLINE_SECONDS)
    return command.returncode, output, time.monotonic() - began


def test_after_one_ctrl_c_the_program_ends_by_itself_and_the_command_says_130() -> None:
    assert interrupt(2, signal.SIGINT)[:2] == (130, "ended by itself\n")


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)])
def test_a_second_ctrl_c_or_a_kill_stops_it_at_once(signals: tuple[signal.Signals, ...]) -> None:
    status, output, seconds = interrupt(60, *signals)

    assert (status, output) == (130, "")
    assert seconds < DEADLINE_SECONDS
