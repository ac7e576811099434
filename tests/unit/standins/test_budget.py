"""The modules that the plugins import before they answer: the engine waits for each plugin."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
REPORT = """
import sys
from standins import light_imports, serving
light_imports.leave_out_contents(*light_imports.EMPTY)
ports = [serving.Serving("").port(name) for name in ("oci", "docker", "command")]
from standins import oci
[*map(__import__, oci.PLUGIN.imports)]
print(*sys.modules)
"""


def imported(script: str) -> set[str]:
    """Return the modules that a script prints."""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=True, text=True
    )
    return {*result.stdout.split()}


def test_the_process_of_the_plugins_imports_the_parts_of_the_sdks_that_it_needs() -> None:
    """It has 620 modules, with both SDKs whole 1,080."""
    modules = imported(REPORT)

    assert {"pulumi.runtime.proto", "oci.signer", "requests"} <= modules
    assert not {"pulumi.resource", "oci.core", "oci.regions", "docker.client", "asyncssh"} & modules
    assert len(modules) <= 650


def test_a_plugin_imports_next_to_nothing() -> None:
    """It asks the process of the plugins: 85 modules, all of them Python's own."""
    modules = imported("import standins.__main__, sys; print(*sys.modules)")

    assert not {"grpc", "google", "pulumi", "subprocess"} & modules
    assert len(modules) <= 90


def test_a_package_is_whole_again_once_a_module_of_it_is_imported() -> None:
    modules = imported(
        "import sys; from standins import docker_context; import docker; docker.from_env; "
        "assert sys.modules['docker.utils.build'].PatternMatcher; print(*sys.modules)"
    )

    assert "docker.client" in modules


IMPORTING = """
import sys, threading, types
from standins import light_imports

sys.setswitchinterval(1e-6)
ended = threading.Event()


def go_on_importing():
    while not ended.is_set():
        for number in range(100):
            sys.modules[f"other{number}"] = types.ModuleType("other")
        for number in range(100):
            del sys.modules[f"other{number}"]


threading.Thread(target=go_on_importing).start()
try:
    for _ in range(2000):
        with light_imports.left_out_contents("docker", "docker.utils"):
            pass
finally:
    ended.set()
"""


def test_a_package_is_left_out_while_another_thread_imports() -> None:
    """A process serves all plugins: the libraries of `oci` are imported as `docker` starts."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


BUILDING = """
import sys, threading
from standins.docker import Image
from tests import operation
image = Image()
inputs = image.prepare({"imageName": "x:1", "skipPush": True, "build": {"context": sys.argv[1]}})
image.create(inputs, operation.context())
for thread in {*threading.enumerate()} - {threading.current_thread()}:
    thread.join()
print(*sys.modules)
"""


def test_the_clients_of_push_and_release_are_imported_beside_the_build(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text("#!/bin/sh\necho version 20.10\n")
    client.chmod(0o755)

    built = subprocess.run(
        [sys.executable, "-c", BUILDING, str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": f"{client.parent}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
        text=True,
    )

    assert {"docker.client", "asyncssh"} <= {*built.stdout.split()}
