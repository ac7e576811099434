"""A Docker engine is started where none answers, and stopped by its starter alone."""

import os
import shutil
from pathlib import Path

import pytest

from common import inotify
from common.progress import StepError
from toolchain import docker_engine


@pytest.fixture(name="path", autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give a folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tee").symlink_to(shutil.which("tee") or "tee")
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


@pytest.mark.parametrize(
    ("user", "before", "after"),
    [(0, 128, inotify.RAISED), (0, 8192, 8192), (1000, 128, 128)],
    ids=["root raises a low limit", "a higher limit stays", "a user is not asked for a password"],
)
def test_a_running_engine_gets_room_for_many_machines(
    path: Path, monkeypatch: pytest.MonkeyPatch, user: int, before: int, after: int
) -> None:
    client(path, "echo 28.0.0")
    limit = path / "max_user_instances"
    limit.write_text(f"{before}\n")
    monkeypatch.setattr(inotify, "FILE", limit)
    monkeypatch.setattr(os, "geteuid", lambda: user)

    docker_engine.ensure(path)

    assert int(limit.read_text()) == after
