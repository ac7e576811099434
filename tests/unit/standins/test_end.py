"""The processes of the plugins: one for all plugins of an engine, and its end."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from standins import values

REPOSITORY = Path(__file__).parents[3]
ENGINE = "127.0.0.1:9"


class Plugins:
    """Plugins as the engine starts them: children of this process, with a port on their stdout."""

    def __init__(self, folder: Path) -> None:
        self.env = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(REPOSITORY)}
        self.running: list[subprocess.Popen[str]] = []

    def start(self, name: str, engine: str = ENGINE) -> subprocess.Popen[str]:
        plugin = subprocess.Popen(
            [sys.executable, "-m", "standins", name, engine],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
        )
        self.running.append(plugin)
        return plugin

    def serving(self) -> list[int]:
        """List the processes that serve these plugins, by their folder for temporary files."""
        mark = f"TMPDIR={self.env['TMPDIR']}".encode()
        return [
            int(process.name)
            for process in Path("/proc").glob("[0-9]*")
            if b"standins.serving" in _read(process / "cmdline")
            and mark in _read(process / "environ").split(b"\0")
        ]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # the process has ended
        return b""


@pytest.fixture(name="plugins")
def _plugins(tmp_path: Path) -> Iterator[Plugins]:
    plugins = Plugins(tmp_path)
    yield plugins
    for plugin in plugins.running:
        plugin.kill()
        plugin.communicate()


def port(plugin: subprocess.Popen[str]) -> int:
    assert plugin.stdout
    return int(plugin.stdout.readline())


def test_the_plugins_of_an_engine_share_a_process(plugins: Plugins) -> None:
    started = [plugins.start(name) for name in ("oci", "docker", "command")]
    ports = {port(plugin) for plugin in started}

    assert len(ports) == 3
    assert len(plugins.serving()) == 1

    for plugin in started:
        plugin.send_signal(signal.SIGINT)
        assert plugin.wait(timeout=30) == 0

    eventually(lambda: not plugins.serving())


def test_a_plugin_that_ends_leaves_the_others(plugins: Plugins) -> None:
    first, second = plugins.start("docker"), plugins.start("command")
    port(first)
    address = f"127.0.0.1:{port(second)}"
    first.terminate()
    first.wait(timeout=30)

    with grpc.insecure_channel(address) as channel:
        plugin = provider_pb2_grpc.ResourceProviderStub(channel)
        assert plugin.Configure(provider_pb2.ConfigureRequest()).supportsPreview


def test_two_providers_of_a_plugin_keep_their_own_configuration(plugins: Plugins) -> None:
    """The engine starts a plugin for each provider: a program's own, or another version's."""
    ports = [port(plugins.start("oci")) for _ in range(2)]
    login = {"tenancyOcid": "t", "userOcid": "u", "fingerprint": "f", "region": "r"}
    configurations: list[dict[str, Any]] = [{}, {**login, "privateKey": "not a key"}]
    for number, configuration in zip(ports, configurations, strict=True):
        with grpc.insecure_channel(f"127.0.0.1:{number}") as channel:
            request = provider_pb2.ConfigureRequest(args=values.to_wire(configuration))
            provider_pb2_grpc.ResourceProviderStub(channel).Configure(request)

    assert "tenancyOcid" in refusal(ports[0])
    assert "no usable API key" in refusal(ports[1])


def refusal(port: int) -> str:
    """Return the plugin's objection to its configuration."""
    token = "oci:Identity/getAvailabilityDomains:getAvailabilityDomains"
    request = provider_pb2.InvokeRequest(tok=token, args=values.to_wire({"compartmentId": "c"}))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            provider_pb2_grpc.ResourceProviderStub(channel).Invoke(request)
        return str(refused.value)


def test_another_engine_has_a_process_of_its_own(plugins: Plugins) -> None:
    for engine in ("127.0.0.1:9", "127.0.0.1:10"):
        port(plugins.start("docker", engine))

    assert len(plugins.serving()) == 2


def test_a_killed_process_is_told_and_replaced(plugins: Plugins) -> None:
    plugin = plugins.start("docker")
    port(plugin)
    (serving,) = plugins.serving()
    os.kill(serving, signal.SIGKILL)
    _, errors = plugin.communicate(timeout=30)

    assert plugin.returncode == 1
    assert "the stand-ins' process ended" in errors
    assert port(plugins.start("docker"))


def test_an_unknown_plugin_is_told(plugins: Plugins) -> None:
    plugin = plugins.start("aws")
    _, errors = plugin.communicate(timeout=30)

    assert plugin.returncode == 1
    assert "the stand-in for the aws plugin did not start" in errors
    eventually(lambda: not plugins.serving())


def test_a_plugin_ends_while_a_call_still_waits(plugins: Plugins, tmp_path: Path) -> None:
    """A worker of a killed update may wait for a server for minutes."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(key)], check=True)
    plugin = plugins.start("command")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, silent_port = silent.getsockname()
        connection = {
            "host": host,
            "port": silent_port,
            "privateKey": key.read_text(),
            "perDialTimeout": 120,  # longer than this test waits
        }
        call = threading.Thread(target=create, args=(port(plugin), connection), daemon=True)
        call.start()
        caller, _ = silent.accept()

        plugin.terminate()

        assert plugin.wait(timeout=30) == 0, "a worker holds the process"
        eventually(lambda: not plugins.serving())
        caller.close()


def create(port: int, connection: dict[str, Any]) -> None:
    request = provider_pb2.CreateRequest(
        urn="urn:pulumi:s::p::command:remote:Command::c",
        properties=values.to_wire({"connection": connection, "create": "true"}),
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            provider_pb2_grpc.ResourceProviderStub(channel).Create(request)
        except grpc.RpcError:
            return


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the process of the plugins is still there"
        time.sleep(0.05)
