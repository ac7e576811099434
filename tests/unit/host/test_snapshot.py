"""A single look at the host for the status of all services."""

from typing import Any

from host.auth_release.snapshot import DockerSnapshot
from tests.unit.host.engine import Engine


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


def test_docker_is_asked_once_for_the_containers_of_all_services(engine: Engine) -> None:
    inspected = [container("a", 1), container("b", 2), container("b", 3)]
    names = [each["Name"].lstrip("/") for each in inspected]
    engine.answers = {
        "/containers/json": (200, [{"Id": name} for name in names]),
        "/images/x/json": (200, {"Config": {"Env": ["PATH=/bin"]}}),
        **{
            f"/containers/{name}/json": (200, each)
            for name, each in zip(names, inspected, strict=True)
        },
    }
    docker = DockerSnapshot()

    assert {name: set(docker.containers(name)) for name in "abc"} == {
        "a": {1},
        "b": {2, 3},
        "c": set(),
    }
    assert docker.foreign("b") == []
    assert docker.image_environment("x") == docker.image_environment("x") == {"PATH": "/bin"}
    assert [path for _, path, _ in engine.requests] == [
        "/containers/json",
        *(f"/containers/{name}/json" for name in names),
        "/images/x/json",
    ]
