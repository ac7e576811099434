"""The last copy before a stack goes, and the report of a restore."""

import json
from pathlib import Path
from typing import Any

import pytest

from stack import copies, ssh
from stack.configuration import Configuration
from stack.errors import StackError
from stack.stack import Stack

VM = {"type": "oci:Core/instance:Instance"}
REPORT = {
    "copy": "20261127T031000Z-ab12",
    "moment": "2026-11-27T03:10:00Z",
    "rows": {"accounts": 120},
    "rows_before": {"accounts": 0},
    "kept": "/srv/auth/.backup/auth/replaced-20261127T031500Z",
    "seconds": 9.5,
}


@pytest.fixture(name="stack")
def _stack(tmp_path: Path) -> Stack:
    return Stack(name="dev", clone=tmp_path, env={})


@pytest.fixture(name="asked")
def _asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Configure a bucket, and answer each command on the server; return the commands."""
    commands: list[tuple[str, ...]] = []

    def ask(_: Stack, *argv: str, seconds: float) -> str:
        del seconds
        commands.append(argv)
        copy = {"name": argv[-2], "bucket": "auth-backup", "prefix": "dev/auth"}
        return json.dumps({**copy, "rows": {"accounts": 120}})

    monkeypatch.setattr(ssh, "ask", ask)
    monkeypatch.setattr(Configuration, "values", lambda _: {"auth:backupBucket": "auth-backup"})
    return commands


def test_a_last_copy_is_taken_and_its_place_and_the_way_back_are_shown(
    stack: Stack, asked: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    copies.take_last(stack, [VM], without=False)

    (command,) = asked
    name = command[-2]
    assert command[:5] == ("sudo", "auth-release", "backup", "auth", "--name")
    shown = capsys.readouterr().err
    assert f"(120 accounts) is {name}, in auth-backup/dev/auth/copies" in shown
    assert f"make restore AT={name} STACK=dev" in shown


def test_without_a_last_copy_nothing_is_deleted(
    stack: Stack, asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise StackError("the bucket does not exist")

    monkeypatch.setattr(ssh, "ask", refuse)
    with pytest.raises(StackError, match=r"does not exist\. Nothing was deleted.*NOCOPY=1"):
        copies.take_last(stack, [VM], without=False)
    copies.take_last(stack, [VM], without=True)
    assert asked == []


def test_a_stack_without_a_vm_has_nothing_to_copy(
    stack: Stack, asked: list[tuple[str, ...]]
) -> None:
    copies.take_last(stack, [], without=False)
    assert asked == []


def test_a_stack_without_a_bucket_is_taken_down_as_ever(
    stack: Stack, asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Configuration, "values", lambda _: {})
    copies.take_last(stack, [VM], without=False)
    assert asked == []


def test_a_restore_reports_the_content_before_and_after_and_the_kept_database() -> None:
    text = "\n".join(copies.described(REPORT, "dev"))
    assert "2026-11-27T03:10:00Z is in place, after 9.5 s" in text
    assert "content   120 accounts" in text
    assert "before    0 accounts" in text
    assert "replaced-20261127T031500Z" in text


def test_the_accounts_of_postgresql_are_in_no_copy_of_ours(
    stack: Stack,
    asked: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Configuration, "written", lambda _: {"auth:database": "postgresql"})

    copies.take_last(stack, [VM], without=False)
    assert asked == [], "nothing is there to copy, and `make down` goes on"
    assert "stay on the PostgreSQL server" in capsys.readouterr().err
    with pytest.raises(
        StackError, match=r"accounts of dev are on a server whose own backups.*`restore`"
    ):
        copies.refuse_postgresql(stack, "restore")
