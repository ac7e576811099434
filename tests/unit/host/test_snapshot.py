"""A single look at the host for the status of all services."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from host.auth_release.snapshot import DockerSnapshot

_CLIENT = """\
#!/bin/sh
echo "$*" >> "$0.calls"
case $1 in
ps) echo one two three ;;
inspect) cat "$0.inspected" ;;
image) echo '[{"Config": {"Env": ["PATH=/bin"]}}]' ;;
esac
"""


def container(service: str, number: int) -> dict[str, Any]:
    labels = {"auth.service": service, "auth.release": str(number)}
    return {
        "Name": f"/{service}-{number}",
        "Config": {"Labels": labels, "Env": [], "Image": "x"},
        "State": {"Running": True, "Restarting": False, "ExitCode": 0, "Pid": 1},
        "RestartCount": 0,
        "HostConfig": {"Memory": 0, "PortBindings": {}},
        "NetworkSettings": {"Networks": {}},
    }


def test_docker_is_asked_once_for_the_containers_of_all_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "docker"
    client.write_text(_CLIENT)
    client.chmod(0o755)
    inspected = [container("a", 1), container("b", 2), container("b", 3)]
    (tmp_path / "docker.inspected").write_text(json.dumps(inspected))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    docker = DockerSnapshot()

    assert {name: set(docker.containers(name)) for name in "abc"} == {
        "a": {1},
        "b": {2, 3},
        "c": set(),
    }
    assert docker.foreign("b") == []
    assert docker.image_environment("x") == docker.image_environment("x") == {"PATH": "/bin"}
    calls = (tmp_path / "docker.calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["ps", "inspect", "image"]
