"""Wrong arguments are refused with the way out, and a stopped update names its release."""

import os
from pathlib import Path

import pytest

from common import command_line
from stack import cli, environment
from stack.stack import Stack

# asks the command that started it to stop, as Ctrl-C does, and fails as the CLI then does
PULUMI = """#!/bin/sh
[ "$1 $2" = "stack ls" ] && echo '[{"name": "dev"}]' && exit
kill -INT $PPID
sleep 1
exit 1
"""


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["status", "--stack", "nope"], ("STACK is 'nope'", "dev, local", "make init STACK=nope")),
        (["status", "--stack", "No!"], ("STACK is 'No!'", "lower-case letters", "STACK=dev")),
        (["rollback", "--to", "abc"], ("TO is 'abc'", "number of a release", "`make history`")),
        (["exec"], ("CMD is empty", "make exec CMD=")),
    ],
)
def test_a_wrong_argument_is_named_with_its_value_the_rule_and_the_way_out(
    argv: list[str], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv) == 1

    message = capsys.readouterr().err
    assert [word for word in words if word not in message] == [], message
    assert "usage:" not in message


def test_a_stopped_update_says_that_a_release_may_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    stack = Stack(name="dev", clone=tmp_path, env=os.environ)
    monkeypatch.setattr(environment, "prepare", lambda *_: stack)

    assert cli.main(["up", "--stack", "dev"]) == command_line.INTERRUPTED

    message = capsys.readouterr().err
    assert "Nothing is lost" in message
    assert "may go on, on the server: `make status STACK=dev`" in message
    assert "failed with status" not in message
