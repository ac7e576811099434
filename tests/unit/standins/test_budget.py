"""The modules that a plugin imports before it answers: the engine waits for three plugins."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def imported(name: str) -> set[str]:
    """Return the modules that a plugin imports until the engine ends it."""
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
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


@pytest.mark.parametrize("name", ["docker", "command"])
def test_a_plugin_imports_the_protocol_without_the_packages_around_it(name: str) -> None:
    """A plugin has 290 modules: 90 of gRPC, 50 of Protobuf, 15 of the SDK, Python's own."""
    modules = imported(name)
    of_sdk = {module for module in modules if module.startswith("pulumi.")}

    assert of_sdk, "the modules are not listed"
    assert not {module for module in of_sdk if not module.startswith("pulumi.runtime.proto")}
    assert not {"importlib.metadata", "docker.client", "asyncssh"} & modules
    assert len(modules) <= 310


def test_the_libraries_of_a_request_are_the_signer_and_its_needs() -> None:
    """The signer needs 110 modules, most of them of the SDK's own copy of `requests`."""
    code = (
        "import sys; from standins import light_imports, oci_api; "
        "light_imports.leave_out_contents('oci'); oci_api.import_libraries(); print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    modules = {*result.stdout.split()}

    assert "oci.signer" in modules
    assert not {"oci.base_client", "oci.config", "oci.regions"} & modules
    assert len({module for module in modules if module.startswith("oci.")}) <= 120


def test_a_package_is_whole_again_once_a_module_of_it_is_imported() -> None:
    code = (
        "import sys; from standins import docker_context; import docker; docker.from_env; "
        "print(sys.modules['docker.utils.build'].PatternMatcher.__name__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert result.stdout == "PatternMatcher\n", result.stderr
