"""An update that fails at an image's build shows the build's output, by each kind of plugin.

The engine and the plugin are real: our stand-in, or with PLUGINS=official the official plugin.
"""

import json
import os
import sys
from pathlib import Path

import pytest

from localcloud.state.home import Home
from stack.errors import StackError
from stack.stack import Stack
from tests.localcloud.caller import Caller
from tests.localcloud.conftest import localcloud
from tests.localcloud.served import REPOSITORY
from toolchain import engine, plugins

PROGRAM = """
import pulumi_docker as docker

docker.Image(
    "it",
    image_name="127.0.0.1:1/it:latest",
    skip_push=True,
    build=docker.DockerBuildArgs(context="context", dockerfile="context/Dockerfile"),
)
"""


@pytest.fixture(name="stack")
def _stack(tmp_path: Path) -> Stack:
    plugin = tmp_path / "bin" / "pulumi-resource-docker"
    plugin.parent.mkdir()
    official = plugins.asked_for(os.environ)
    if official:
        plugin.symlink_to(official["docker"])
    else:
        plugin.write_text(
            f"#!/bin/sh\nPYTHONPATH='{REPOSITORY}' exec '{sys.executable}' "
            '-m standins docker "$@"\n'
        )
        plugin.chmod(0o755)
    folders = [plugin.parent, engine.ensure(REPOSITORY), Path(sys.executable).parent]
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: failing\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    env = {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "of this test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    return Stack(name="failing", clone=tmp_path, env=env)


def test_a_failing_step_shows_its_lines(
    stack: Stack, cloud: Caller, capfd: pytest.CaptureFixture[str]
) -> None:
    base = base_image(cloud.home)
    context = stack.clone / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        f"FROM {base}\n"
        "RUN echo no room for $((40 + 2)) files; echo nor for $((40 + 3)); "
        "echo ask for $((40 + 4)) >&2; exit 3\n"
    )

    with pytest.raises(StackError) as caught:
        stack.up()
    # the stand-in has them in its error, which the engine shows; the official plugin has not
    diagnostics = capfd.readouterr().out.partition("Diagnostics:")[2]
    output = str(caught.value) if plugins.asked_for(os.environ) else diagnostics
    assert output.index("no room for 42 files") < output.index("nor for 43")
    # BuildKit reads standard error beside standard output, so nothing orders the two
    assert "ask for 44" in output


def base_image(home: Home) -> str:
    described = json.loads(localcloud("describe", "--home", str(home.path)))
    return str(described["docker_bases"]["base"])
