"""The `command` stand-in, as far as it goes without a host that answers."""

import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from standins.command import Command
from standins.resource import Context, ProviderError
from standins.values import Properties
from tests import operation


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def context(said: list[str]) -> Context:
    return operation.context(said)


@pytest.fixture
def connection(tmp_path: Path) -> dict[str, Any]:
    """Describe a connection to a port at which nobody listens."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(key)], check=True)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    return {"host": "127.0.0.1", "port": port, "user": "u", "privateKey": key.read_text()}


def create(inputs: Properties, context: Context) -> tuple[str, Properties]:
    """Create on a thread, as the plugin does: it leaves its thread without an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(Command().create, inputs, context).result(timeout=60)


def test_a_host_that_refuses_is_dialled_as_often_as_allowed(
    connection: dict[str, Any], context: Context, said: list[str]
) -> None:
    inputs = {"connection": {**connection, "dialErrorLimit": 2}, "create": "true"}
    with pytest.raises(ProviderError) as caught:
        create(inputs, context)

    text = str(caught.value)
    assert text.startswith(f"after 2 failed attempts: ssh to 127.0.0.1:{connection['port']} as u: ")
    assert text.endswith("Connection refused")
    assert [line.partition(" failed")[0] for line in said] == ["Dial 1/2", "Dial 2/2"]


def test_cancelling_ends_the_dialling(connection: dict[str, Any], context: Context) -> None:
    inputs = {"connection": {**connection, "dialErrorLimit": -1}, "create": "true"}
    threading.Timer(0.3, context.cancelled.set).start()
    with pytest.raises(ProviderError, match=r'^cancelled: running "true"$'):
        create(inputs, context)


def test_without_a_command_no_host_is_needed(connection: dict[str, Any], context: Context) -> None:
    _, outputs = create({"connection": connection, "delete": "true"}, context)

    assert outputs["stdout"] == ""


def test_a_command_is_quoted_on_one_line(connection: dict[str, Any], context: Context) -> None:
    inputs = {"connection": {**connection, "dialErrorLimit": -1}, "create": 'echo "ä"\ntrue'}
    context.cancelled.set()
    with pytest.raises(ProviderError) as caught:
        create(inputs, context)

    assert str(caught.value) == r'cancelled: running "echo \"ä\"\ntrue"'


def test_a_login_that_is_not_modelled_is_refused(connection: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match=r"^connection\.password is not modelled"):
        Command().prepare({"connection": {**connection, "password": "p"}, "create": "true"})
