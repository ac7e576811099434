"""Whose engine it is, and which client can build images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.progress import StepError
from toolchain import docker_engine


@pytest.fixture(name="path", autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give a folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return folder


def client(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    docker = folder / "docker"
    docker.write_text(f"#!/bin/sh\n{script}\n")
    docker.chmod(0o755)
    return docker


def versioned(version: str, *, buildx: bool) -> str:
    """Write a client that answers `--version` and `buildx version`."""
    return (
        f'[ "$1" = --version ] && echo "Docker version {version}, build 1234567" && exit 0\n'
        f"{'echo buildx' if buildx else 'exit 1'}"
    )


def test_a_process_is_known_by_its_start_as_well_as_by_its_number() -> None:
    own = docker_engine.started_at(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert own is not None
        assert docker_engine.started_at(child.pid) not in {None, own}
    finally:
        child.kill()
        child.communicate()
    assert docker_engine.started_at(child.pid) is None


def test_an_engine_that_we_did_not_start_is_left_alone(path: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    client(path, f"echo > {asked}")

    docker_engine.stop_if_ours(tmp_path)

    assert not asked.exists(), "without a record there is nothing to ask"


def test_a_user_without_permission_is_told_of_the_group_and_nothing_is_started(path: Path) -> None:
    client(path, "echo 'dial unix /var/run/docker.sock: connect: Permission denied' >&2; exit 1")

    with pytest.raises(StepError, match="usermod -aG docker"):
        docker_engine.ensure(path)


def test_an_engine_named_by_docker_host_is_not_replaced_by_another(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(path, "echo 'Cannot connect' >&2; exit 1")
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")

    with pytest.raises(StepError, match=r"DOCKER_HOST is 'tcp://192\.0\.2\.1:2375'"):
        docker_engine.ensure(path)


def test_a_new_client_without_buildx_is_passed_over(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(path, versioned("28.2.2", buildx=False))
    old = client(tmp_path / "old", versioned("20.10.24+dfsg1", buildx=False))
    monkeypatch.setenv("PATH", os.pathsep.join([str(path), str(old.parent)]))

    assert docker_engine.client() == old


def test_a_new_client_with_buildx_is_taken(path: Path) -> None:
    new = client(path, versioned("28.2.2", buildx=True))

    assert docker_engine.client() == new
