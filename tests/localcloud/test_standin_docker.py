"""The `docker` stand-in: images built by BuildKit and pushed to a registry that wants a login."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.machines.registry import USERNAME
from standins.docker import Image
from standins.resource import Context, ProviderError
from tests import operation
from tests.localcloud.caller import Caller
from tests.localcloud.conftest import localcloud

MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def context(log: list[str]) -> Context:
    return operation.context(log)


@pytest.fixture(scope="session")
def base(cloud: Caller) -> str:
    described = json.loads(localcloud("describe", "--home", str(cloud.home.path)))
    return str(described["docker_bases"]["base"])


@pytest.fixture
def password(cloud: Caller) -> str:
    return (cloud.home.path / "registry" / "password").read_text()


@pytest.fixture
def inputs(
    cloud: Caller, base: str, password: str, tmp_path: Path, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """Return the inputs of an image with a single file; its name is the test's."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nARG WORD=none\nCOPY words /words\nRUN echo $WORD >> /words\n"
    )
    (folder / "words").write_text("first\n")
    server = cloud.home.registry
    return {
        "imageName": f"{server}/{request.node.name.replace('_', '-')}:latest",
        "build": {"context": str(folder), "args": {"BASE": base, "WORD": "second"}},
        "registry": {"server": server, "username": USERNAME, "password": password},
    }


Make = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def make(context: Context) -> Make:
    image = Image()
    return lambda inputs: image.create(image.prepare(inputs), context)[1]


def refused(make: Make, inputs: dict[str, Any]) -> str:
    with pytest.raises(ProviderError) as caught:
        make(inputs)
    return str(caught.value)


def content(reference: str) -> str:
    shown = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", reference, "cat", "/words"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return shown.stdout


def test_an_image_is_built_and_known_by_the_registrys_digest(
    make: Make, inputs: dict[str, Any], cloud: Caller, password: str
) -> None:
    outputs = make(inputs)

    assert content(inputs["imageName"]) == "first\nsecond\n"
    name, _, digest = outputs["repoDigest"].partition("@")
    assert f"{name}:latest" == inputs["imageName"]
    repository = name.partition("/")[2]
    answer = httpx.head(
        f"http://{cloud.home.registry}/v2/{repository}/manifests/latest",
        auth=(USERNAME, password),
        headers={"Accept": MANIFESTS},
        trust_env=False,
    )
    assert answer.headers["Docker-Content-Digest"] == digest


def test_the_same_context_gives_the_same_digest(make: Make, inputs: dict[str, Any]) -> None:
    assert make(inputs)["repoDigest"] == make(inputs)["repoDigest"]


def test_a_changed_file_gives_another_digest(make: Make, inputs: dict[str, Any]) -> None:
    before = make(inputs)["repoDigest"]
    (Path(inputs["build"]["context"]) / "words").write_text("changed\n")

    assert make(inputs)["repoDigest"] != before


def test_a_build_that_fails_says_where(make: Make, inputs: dict[str, Any]) -> None:
    dockerfile = Path(inputs["build"]["context"]) / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "RUN echo no room; exit 3\n")
    text = refused(make, inputs)

    assert text.startswith(f"the image {inputs['imageName']} could not be built:")
    assert "no room" in text
    assert "exit code: 3" in text


def test_a_wrong_password_is_refused_and_not_told(make: Make, inputs: dict[str, Any]) -> None:
    wrong = {**inputs, "registry": {**inputs["registry"], "password": "not-the-password"}}
    text = refused(make, wrong)

    assert text.startswith(f"{inputs['imageName']} could not be pushed: ")
    assert "not-the-password" not in text


def test_the_login_is_written_nowhere(
    make: Make, inputs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "docker-config"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    make(inputs)

    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if inputs["registry"]["password"] in path.read_text()]
    assert not (folder / "config.json").exists()


def test_an_image_can_stay_here(make: Make, inputs: dict[str, Any], cloud: Caller) -> None:
    outputs = make({**inputs, "skipPush": True})

    assert outputs["repoDigest"].startswith("sha256:")
    assert content(outputs["repoDigest"]) == "first\nsecond\n"
    catalog = httpx.get(
        f"http://{cloud.home.registry}/v2/_catalog",
        auth=(USERNAME, inputs["registry"]["password"]),
        trust_env=False,
    )
    assert "test-an-image-can-stay-here" not in catalog.json()["repositories"]
