"""The Docker client that builds images."""

import os
from pathlib import Path

import pytest

from common import docker


@pytest.fixture(name="path", autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def client(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def versioned(version: str, *, buildx: bool) -> str:
    """Write a client that answers `--version` and `buildx version`."""
    return (
        f'[ "$1" = --version ] && echo "Docker version {version}, build 1234567" && exit 0\n'
        f"{'echo buildx' if buildx else 'exit 1'}"
    )


def test_a_new_client_without_buildx_is_passed_over(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(path, versioned("28.2.2", buildx=False))
    old = client(tmp_path / "old", versioned("20.10.24+dfsg1", buildx=False))
    monkeypatch.setenv("PATH", os.pathsep.join([str(path), str(old.parent)]))

    assert docker.buildkit_client() == old


def test_a_new_client_with_buildx_is_taken(path: Path) -> None:
    new = client(path, versioned("28.2.2", buildx=True))

    assert docker.buildkit_client() == new
