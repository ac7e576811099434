"""A person at a terminal sees the CLI's own display; a log does not get it."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from common.clone import CLONE

# the signs by which the CLI decides whether to draw, and whether in colour
PULUMI = """#!/bin/sh
[ "$1 $2" = "stack ls" ] && echo '[{"name": "dev"}]' && exit
[ "$1 $2" = "stack export" ] && echo '{}' && exit
[ -t 0 ] && [ -t 1 ] && echo "draws: $*" || echo "writes: $*"
"""
UP = (
    "import os, sys; from pathlib import Path; from stack.stack import Stack; "
    "Stack(name='dev', clone=Path(sys.argv[1]), env=os.environ).up()"
)


@pytest.fixture(name="env")
def _env(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose `pulumi` prints whether it is at a terminal."""
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}}
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return {**env, "PATH": path, "TERM": "xterm", "PYTHONPATH": str(CLONE)}


def at_a_terminal(env: dict[str, str], folder: Path, *, stdin: int | None = None) -> str:
    """Run an update with a pseudo-terminal as its streams, and return its output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", UP, str(folder)],
        env=env,
        stdin=theirs if stdin is None else stdin,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            block = os.read(ours, 1024)
        except OSError:  # as a terminal ends when its last program does
            break
        if not block:
            break
        seen += block
    os.close(ours)
    assert process.wait(60) == 0, seen
    return seen.decode()


def test_at_a_terminal_the_cli_draws(env: dict[str, str], tmp_path: Path) -> None:
    seen = at_a_terminal(env, tmp_path)

    assert "draws: up " in seen
    assert "--non-interactive" not in seen
    assert "--suppress-progress" not in seen


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"CI": "true"}])
def test_where_no_person_reads_the_terminal_is_a_log(
    env: dict[str, str], tmp_path: Path, variables: dict[str, str]
) -> None:
    seen = at_a_terminal({**env, **variables}, tmp_path)

    assert "writes: up " in seen
    assert "--non-interactive" in seen
    assert "--suppress-progress" in seen


def test_without_a_keyboard_the_terminal_is_a_log(env: dict[str, str], tmp_path: Path) -> None:
    seen = at_a_terminal(env, tmp_path, stdin=subprocess.DEVNULL)

    assert "writes: up " in seen
    assert "--suppress-progress" in seen


def test_colour_is_left_to_the_cli_which_honours_no_color(
    env: dict[str, str], tmp_path: Path
) -> None:
    assert "--color auto" in at_a_terminal({**env, "NO_COLOR": "1"}, tmp_path)
