"""The question before a stack goes with its data."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack import removal, ssh
from stack.errors import StackError
from stack.stack import Stack

LOST = ["the data volume auth-data (50 GB, ocid1.volume.x)"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answer(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """Sit at a terminal and type a line; with None there is no terminal."""
    monkeypatch.setattr("sys.stdin", io.StringIO() if text is None else Terminal(text))


def ask(*, named: str = "", disposable: bool = False) -> None:
    removal.confirm("dev", LOST, named=named, disposable=disposable)


def test_the_stacks_name_typed_at_the_terminal_is_a_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "dev\n")

    ask()

    assert LOST[0] in capsys.readouterr().err, "the losses are not listed"


@pytest.mark.parametrize("text", ["", "\n", "y\n", "yes\n", "prod\n"])
def test_anything_else_is_a_no(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    answer(monkeypatch, text)

    with pytest.raises(StackError, match="Nothing was deleted"):
        ask(disposable=True)


def test_without_a_terminal_it_is_no_and_says_how_to_say_yes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, None)

    with pytest.raises(StackError, match="make down STACK=dev CONFIRM=dev"):
        ask()


def test_without_a_terminal_the_name_in_advance_is_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None)

    ask(named="dev")


def test_another_stacks_name_in_advance_is_a_no_before_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, None)

    with pytest.raises(StackError, match="CONFIRM is 'prod', not 'dev'"):
        ask(named="prod", disposable=True)
    assert not capsys.readouterr().err


def test_a_disposable_stack_goes_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None)

    ask(disposable=True)


def test_nothing_to_lose_is_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None)

    removal.confirm("dev", [], named="", disposable=False)


@pytest.fixture
def typed() -> Iterator[str]:
    """Give this process, and those that it starts, a standard input with a line in it."""
    reader, writer = os.pipe()
    before = os.dup(0)
    os.dup2(reader, 0)
    os.write(writer, b"dev\n")
    os.close(writer)
    yield "dev\n"
    os.dup2(before, 0)
    for descriptor in (before, reader):
        os.close(descriptor)


def test_the_question_to_the_server_leaves_the_answer_to_the_person(
    typed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # a program like ssh, which reads all its input
    monkeypatch.setattr(ssh, "write", lambda _: ("192.0.2.7", ""))
    monkeypatch.setattr(ssh, "_command", lambda *_: ["cat"])

    ssh.ask(Stack(name="dev", clone=tmp_path, env={}), "df", seconds=5)

    assert os.read(0, 100).decode() == typed


def resource(name: str, token: str, **outputs: Any) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:dev::auth::{token}::{name}",
        "type": token,
        "id": f"ocid1.{name}",
        "outputs": outputs,
        "protect": name != "auth-provision",
    }


DATA = resource("auth-data", "oci:Core/volume:Volume", sizeInGbs="50")
ADDRESS = resource("auth-address", "oci:Core/publicIp:PublicIp", ipAddress="192.0.2.7")
SYSTEM = resource("auth-database", "oci:Psql/dbSystem:DbSystem", shape="VM.Standard.E5.Flex")
COMMAND = resource("auth-provision", "command:remote:Command")


def test_what_is_lost_is_named_with_its_size_address_and_ocid() -> None:
    assert removal.listed([COMMAND, ADDRESS, DATA]) == [
        "the data volume auth-data (50 GB, ocid1.auth-data)",
        "the address auth-address (192.0.2.7, ocid1.auth-address)",
    ]


def test_what_the_configuration_protects_is_not_asked_about_but_refused() -> None:
    with pytest.raises(StackError, match=r"protects auth-address\. Nothing.*auth:protect false"):
        removal.refuse_protected("dev", [COMMAND, ADDRESS, DATA])


def test_the_data_volumes_own_protection_is_what_the_question_lifts() -> None:
    removal.refuse_protected("dev", [COMMAND, DATA, SYSTEM])


def test_a_postgresql_server_is_lost_with_all_accounts() -> None:
    (line,) = removal.listed([SYSTEM])

    assert "the PostgreSQL server, with the accounts in it, auth-database" in line


# A backend with the stack `dev`, which has these resources
PULUMI = """#!/bin/sh
echo "$1 $2" >>"$0.log"
case "$1 $2" in
  "stack ls") echo '[{{"name": "dev"}}]' ;;
  "stack export") echo '{{"deployment": {{"resources": {resources}}}}}' ;;
esac
"""


@pytest.mark.parametrize(
    ("name", "resources", "shown"),
    [
        ("dev", "[]", "The stack dev had no resources, and is gone."),
        ("typo", "[]", "There is no state of typo"),
        ("dev", '[{"type": "pulumi:pulumi:Stack"}]', ""),
    ],
)
def test_only_a_stack_without_resources_ends_without_a_question(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    name: str,
    resources: str,
    shown: str,
) -> None:
    program = tmp_path / "pulumi"
    program.write_text(PULUMI.format(resources=resources))
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    stack = Stack(name=name, clone=tmp_path, env={**os.environ, "PATH": path})

    ended = removal.ends_without_resources(stack)

    assert ended is bool(shown)

    printed = capfd.readouterr().out
    assert shown in printed
    assert (f"rm Pulumi.{name}.yaml" in printed) is ended
    calls = program.with_name("pulumi.log").read_text().splitlines()
    assert ("stack rm" in calls) is (ended and name == "dev")
