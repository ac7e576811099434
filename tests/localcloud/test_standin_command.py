"""The `command` stand-in against a machine's sshd."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from standins.command import Command
from standins.resource import Context, ProviderError
from tests import operation
from tests.localcloud.machine import Keys

MEBIBYTE = 1 << 20
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def context(log: list[str]) -> Context:
    return operation.context(log)


@pytest.fixture
def connection(address: str, keys: Keys) -> dict[str, Any]:
    return {
        "host": address,
        "user": "ubuntu",
        "privateKey": keys.login.read_text(),
        "hostKey": keys.host.with_suffix(".pub").read_text(),
        "dialErrorLimit": 0,
    }


@pytest.fixture
def run(connection: dict[str, Any], context: Context) -> Run:
    def run(create: str, **inputs: Any) -> dict[str, Any]:
        return Command().create({"connection": connection, "create": create, **inputs}, context)[1]

    return run


def failure(call: Callable[[], Any]) -> str:
    with pytest.raises(ProviderError) as caught:
        call()
    return str(caught.value)


def test_output_is_returned_and_shown_as_it_comes(run: Run, log: list[str]) -> None:
    outputs = run("echo out; echo err >&2; echo more")

    assert (outputs["stdout"], outputs["stderr"]) == ("out\nmore", "err")
    assert sorted(log) == ["err", "more", "out"]


def test_what_is_not_to_be_shown_is_not(run: Run, log: list[str]) -> None:
    outputs = run("echo out; echo err >&2", logging="stderr")

    assert outputs["stdout"] == "out"
    assert log == ["err"]
    run("echo quiet", logging="none")
    assert log == ["err"]


def test_standard_input_arrives_whole(run: Run) -> None:
    text = "0123456789abcdef" * (MEBIBYTE // 16)

    assert run("wc -c", stdin=text)["stdout"].strip() == str(MEBIBYTE)


def test_a_command_need_not_read_its_input(run: Run) -> None:
    assert run("exec <&-; echo done", stdin="x" * MEBIBYTE)["stdout"] == "done"


@pytest.mark.parametrize("size", [1, MEBIBYTE])
def test_the_output_of_a_command_that_ends_before_its_input_is_kept(run: Run, size: int) -> None:
    for _ in range(15):
        assert run("echo done; exec true", stdin="x" * size)["stdout"] == "done"


def test_the_last_words_of_a_command_that_fails_at_once_are_told(run: Run) -> None:
    for _ in range(5):
        text = failure(lambda: run("echo no such tool >&2; exit 127", stdin="x" * MEBIBYTE))

        assert text.startswith('Process exited with status 127: running "echo no such tool')
        assert "no such tool" in text.splitlines()


def test_without_input_a_reading_command_ends(run: Run) -> None:
    assert run("cat")["stdout"] == ""


def test_a_failing_command_is_told_with_all_it_said(run: Run) -> None:
    text = failure(lambda: run("echo so far; echo no room >&2; exit 7"))

    assert text.startswith('Process exited with status 7: running "echo so far;')
    assert {"so far", "no room"} <= set(text.splitlines())


def test_a_host_with_another_key_is_dialled_once_however_many_dials_are_allowed(
    run: Run, connection: dict[str, Any], log: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(other)], check=True)
    pinned = {
        **connection,
        "hostKey": other.with_suffix(".pub").read_text(),
        "dialErrorLimit": 60,
    }
    text = failure(lambda: run("touch /tmp/was-here", connection=pinned))

    assert "shows another SSH host key" in text
    assert "make up REFRESH=1" in text
    assert log == [], "it was dialled again"
    assert run("ls /tmp")["stdout"].find("was-here") == -1


def test_a_login_that_is_refused_names_the_user(run: Run, connection: dict[str, Any]) -> None:
    text = failure(lambda: run("true", connection={**connection, "user": "nobody"}))

    assert " as nobody: " in text
    assert connection["privateKey"].splitlines()[1] not in text


def test_variables_reach_the_command_as_far_as_sshd_takes_them(run: Run) -> None:
    # Debian's and Ubuntu's AcceptEnv
    assert run('echo "$LC_WORD"', environment={"LC_WORD": "hello"})["stdout"] == "hello"


def test_a_variable_that_sshd_refuses_is_named(run: Run) -> None:
    text = failure(lambda: run("touch /tmp/ran", environment={"LC_WORD": "a", "OTHER": "b"}))

    assert text.startswith('could not set environment variable "OTHER": ssh: setenv failed')
    assert run("ls /tmp")["stdout"].find("ran\n") == -1


def test_an_end_by_signal_is_told_as_such(run: Run) -> None:
    text = failure(lambda: run("kill -KILL $$"))

    assert text.startswith('Process exited with status 137 from signal KILL: running "kill')


def test_an_update_runs_its_own_command(run: Run, context: Context) -> None:
    before = run("echo first")
    inputs = {**before, "create": "echo unused", "update": "echo second"}

    assert Command().update("it", before, inputs, context)["stdout"] == "second"


def test_an_update_without_a_command_of_its_own_creates_again(run: Run, context: Context) -> None:
    before = run("echo first")

    assert Command().update("it", before, before, context)["stdout"] == "first"


def test_a_deletion_runs_its_command(run: Run, context: Context) -> None:
    state = run("touch /tmp/made", delete="rm /tmp/made")
    Command().delete("it", state, context)

    assert run("ls /tmp")["stdout"].find("made") == -1


def test_cancelling_leaves_a_command_that_runs(run: Run, context: Context) -> None:
    threading.Timer(2, context.cancelled.set).start()

    assert failure(lambda: run("sleep 60")) == 'cancelled: running "sleep 60"'


def test_a_connection_that_breaks_is_told(run: Run) -> None:
    text = failure(lambda: run("echo begun; sleep 1; kill -9 $PPID; sleep 60"))

    assert 'running "echo begun' in text
    assert "begun" in text.splitlines()
