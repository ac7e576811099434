"""The end of a plugin's process."""

import ctypes
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

REPOSITORY = Path(__file__).parents[3]
PLUGIN = """
import time
from standins.provider import Plugin, serve


def nap(inputs, context):
    print("napping", flush=True)
    time.sleep(60)


serve(Plugin(name="docker", resources={}, functions={"test:index:nap": nap}))
"""


def test_a_plugin_ends_while_a_call_still_waits() -> None:
    """A worker of a killed update may wait for a server for minutes."""
    with subprocess.Popen(
        [sys.executable, "-c", PLUGIN], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            port = int(process.stdout.readline())
            call = threading.Thread(target=invoke, args=(port,), daemon=True)
            call.start()
            assert process.stdout.readline() == "napping\n"

            process.terminate()

            assert process.wait(timeout=30) == 0, "a worker holds the process"
        finally:
            process.kill()


def test_a_plugin_ends_though_another_of_its_threads_gets_the_signal() -> None:
    """The engine would wait for five seconds, and then kill the plugin."""
    with subprocess.Popen(
        [sys.executable, "-c", PLUGIN], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            process.stdout.readline()
            threads = {int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()}
            others = threads - {process.pid}

            assert others, "the plugin has a single thread"
            assert ctypes.CDLL(None).tgkill(process.pid, max(others), signal.SIGINT) == 0
            assert process.wait(timeout=30) == 0, "the main thread did not notice the signal"
        finally:
            process.kill()


def invoke(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = provider_pb2.InvokeRequest(tok="test:index:nap")
        try:
            provider_pb2_grpc.ResourceProviderStub(channel).Invoke(request)
        except grpc.RpcError:
            return
