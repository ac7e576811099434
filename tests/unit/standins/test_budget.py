"""The modules that a plugin imports before it answers: the engine waits for three plugins."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["oci", "docker", "command"])
def test_a_plugin_imports_the_protocol_without_the_sdk(name: str) -> None:
    """A plugin has 290 modules: 90 of gRPC, 50 of Protobuf, 15 of the SDK, Python's own."""
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "standins", name],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as plugin:
        assert plugin.stdout
        assert plugin.stderr
        assert int(plugin.stdout.readline()), "the port, once the plugin answers"
        plugin.send_signal(signal.SIGINT)
        lines = plugin.stderr.read().splitlines()
    modules = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    of_sdk = {module for module in modules if module.startswith("pulumi.")}

    assert of_sdk, "the modules are not listed"
    assert not {module for module in of_sdk if not module.startswith("pulumi.runtime.proto")}
    assert len({module for module in modules if not module.startswith("oci")}) <= 320
