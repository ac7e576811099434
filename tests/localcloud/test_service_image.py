"""The layers of the service's image: their number and bytes, as a registry has them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.machines.registry import USERNAME
from standins.docker import Image
from tests import operation
from tests.localcloud.caller import Caller
from tests.localcloud.conftest import localcloud
from tests.localcloud.served import REPOSITORY

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_KIB = 1 << 10
_LARGEST = 80_000_000  # bytes of the image's own layers, unpacked


@pytest.fixture(name="service")
def _service(tmp_path: Path) -> Path:
    """Return a copy of the image's build context."""
    folder = tmp_path / "service"
    shutil.copytree(
        REPOSITORY / "service",
        folder,
        ignore=shutil.ignore_patterns("tests", "__pycache__"),
    )
    return folder


def pushed_layers(cloud: Caller, service: Path) -> list[dict[str, Any]]:
    """Build and push the image; return its layers, each with `digest` and compressed `size`."""
    server, password = cloud.home.registry, (cloud.home.path / "registry" / "password").read_text()
    bases = json.loads(localcloud("describe", "--home", str(cloud.home.path)))["docker_bases"]
    image = Image()
    inputs = image.prepare(
        {
            "imageName": f"{server}/layers:latest",
            "build": {
                "context": str(service),
                "args": {"BASE": bases["base"], "BUILDER": bases["builder"]},
            },
            "registry": {"server": server, "username": USERNAME, "password": password},
        }
    )
    digest = image.create(inputs, operation.context([]))[1]["repoDigest"].partition("@")[2]
    manifest = httpx.get(
        f"http://{server}/v2/layers/manifests/{digest}",
        headers={"Accept": _MANIFEST},
        auth=(USERNAME, password),
        timeout=30,
        trust_env=False,
    )
    return list(manifest.raise_for_status().json()["layers"])


def test_a_changed_line_pushes_one_small_layer_on_top(cloud: Caller, service: Path) -> None:
    before = pushed_layers(cloud, service)
    source = service / "auth" / "__init__.py"
    source.write_text(source.read_text() + '\nCHANGED = "by the test"\n')

    after = pushed_layers(cloud, service)

    known = {layer["digest"] for layer in before}
    new = [layer for layer in after if layer["digest"] not in known]
    assert new == after[-1:]
    assert new[0]["size"] < 850 * _KIB


def test_the_image_is_within_its_budget(cloud: Caller, service: Path) -> None:
    pushed_layers(cloud, service)
    bases = json.loads(localcloud("describe", "--home", str(cloud.home.path)))["docker_bases"]
    names = [f"{cloud.home.registry}/layers:latest", bases["base"]]
    inspect = ["docker", "image", "inspect", "--format", "{{.Size}}", *names]
    done = subprocess.run(inspect, capture_output=True, text=True, check=True)
    whole, base = map(int, done.stdout.split())

    assert whole - base < _LARGEST
