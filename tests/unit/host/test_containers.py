"""The engine's answers about containers, while others make and remove them."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from host.auth_release import containers, engine_api, network
from host.auth_release.containers import Container, Docker
from host.auth_release.errors import ReleaseError
from tests.unit.host.engine import Engine
from tests.unit.host.fakes import IMAGE, desired

ID = "4d252da637fe"
LISTED = (200, [{"Id": ID}])


def test_a_container_that_goes_while_it_is_looked_at_is_left_out(engine: Engine) -> None:
    engine.answers["/containers/json"] = LISTED

    assert Docker().containers("auth") == {}


def test_a_container_that_stays_and_can_not_be_looked_at_is_a_failure(engine: Engine) -> None:
    engine.answers["/containers/json"] = LISTED
    engine.answers[f"/containers/{ID}/json"] = (500, {"message": "the disk is full"})

    with pytest.raises(ReleaseError, match="the disk is full"):
        Docker().containers("auth")


def test_an_image_is_missing_only_if_the_engine_has_no_such_image(engine: Engine) -> None:
    path = f"/images/{IMAGE}/json"
    assert not Docker().has_image(IMAGE)
    engine.answers[path] = (200, {"Config": {"Env": ["PATH=/bin", "EMPTY="]}})
    assert Docker().has_image(IMAGE)
    assert Docker().image_environment(IMAGE) == {"PATH": "/bin", "EMPTY": ""}
    engine.answers[path] = (500, {"message": "the disk is full"})
    with pytest.raises(ReleaseError, match="the disk is full"):
        Docker().has_image(IMAGE)


def test_the_hooks_of_a_service_are_its_own_containers(engine: Engine) -> None:
    names = ["/auth-2-hook", "/made-by-hand"]
    engine.answers["/containers/json"] = (200, [{"Names": [name]} for name in names])

    assert Docker().hooks("auth") == ["auth-2-hook"]


@pytest.mark.parametrize(("wanted", "flag"), [("0.5", "0.5"), ("1", "1"), ("16", "2")])
def test_a_container_is_given_no_more_processors_than_docker_accepts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: str, flag: str
) -> None:
    monkeypatch.setattr(containers, "DATA", tmp_path)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(network, "ensure", lambda _: tmp_path)
    limits = {"memory": "512m", "cpus": wanted, "pids": 1}

    flags = containers._confinement(desired(limits=limits), tmp_path)

    assert flags[flags.index("--cpus") + 1] == flag


def test_a_live_container_comes_back_after_a_reboot(engine: Engine) -> None:
    engine.answers["/containers/auth-2/update"] = (200, {"Warnings": None})

    Docker().keep_over_reboots("auth-2", keep=True)

    policy = {"RestartPolicy": {"Name": "unless-stopped"}}
    assert engine.requests == [("POST", "/containers/auth-2/update", policy)]


def test_an_engine_that_does_not_run_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_api, "SOCKET", tmp_path / "docker.sock")

    with pytest.raises(ReleaseError, match=r"does not answer .* systemctl status docker"):
        Docker().containers("auth")


# listens, and waits for a line; then closes the port, or leaves it, and goes on for a moment
PROCESS = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.readline()
if sys.argv[1] == "ends":
    listener.close()
    print(flush=True)
    time.sleep(0.5)
else:
    print(flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("behaviour", ["ends", "hangs"])
def test_a_container_that_has_closed_its_port_ends_soon(behaviour: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, behaviour],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    container = Container(
        name="auth-1",
        running=True,
        exit_code=0,
        restarts=0,
        fingerprint="",
        image=IMAGE,
        environment={},
        memory=0,
        process=process.pid,
        port=int(process.stdout.readline()),
    )
    reaper = threading.Thread(target=process.wait)
    try:
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        assert not Docker().has_ended(container)
        reaper.start()

        assert Docker().ends_soon(container) == (behaviour == "ends")
    finally:
        process.kill()
        reaper.join()
        process.stdin.close()
        process.stdout.close()
