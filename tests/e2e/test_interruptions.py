"""Releases that are killed, cut off or met by another one: nothing is half made in the end."""

import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone
from tests.testbed.load import Load
from tests.testbed.server import QUICK, TOOL, Server

pytestmark = pytest.mark.usefixtures("restored")


_KILLS = 60  # more effects than a release has


@pytest.mark.usefixtures("load")
def test_the_tool_killed_before_any_of_its_effects(server: Server) -> None:
    script = (Path(__file__).parent / "kill_at.py").read_text()
    server.must("sudo sh -c 'cat > /root/kill_at.py'", stdin=script)
    for effects in range(_KILLS):
        wanted = server.desired({"STEP": str(effects)}, health=QUICK, drain_seconds=2)
        killed = server.run("sudo", "python3", "/root/kill_at.py", str(effects), stdin=wanted)
        finished = server.run(*TOOL, "apply", stdin=wanted)

        assert finished.status == 0, f"killed before effect {effects}: {finished.output}"
        assert len(server.containers_at_rest()) == 1, f"killed before effect {effects}"
        assert server.status()["differs"] == [], f"killed before effect {effects}"
        if killed.status == 0:
            break
    assert 8 < effects < _KILLS - 1, f"{effects} effects: the count looks wrong"


@pytest.mark.usefixtures("load")
def test_a_connection_that_is_cut_lets_the_release_go_on(server: Server) -> None:
    wanted = server.desired({"CUT": "1"}, health={**QUICK, "stable_seconds": 5})
    number = server.status()["next"]
    cut = server.start(*TOOL, "apply", stdin=wanted)
    new = f"auth-{number}"
    eventually(f"container {new}", lambda: new in server.containers(), wanted=True, seconds=30)
    assert server.console("pkill", "-9", "-f", "sshd: ubuntu").status == 0
    cut.communicate(timeout=30)
    assert cut.returncode != 0

    second = server.run(*TOOL, "apply", stdin=wanted)  # waits for the run that goes on

    assert f"Release {number} already runs this." in second.output
    assert server.status()["live"]["release"] == number


@pytest.mark.usefixtures("load")
def test_of_two_releases_at_once_the_second_fails_with_the_name_of_the_first(
    server: Server,
) -> None:
    number = server.status()["next"]
    desired = [server.desired({"RUN": name}, health=QUICK) for name in ("a", "b")]
    runs = [
        server.start(*TOOL, "apply", "--number", str(number), stdin=document)
        for document in desired
    ]
    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert sorted(run.returncode == 0 for run in runs) == [False, True], outputs
    loser = next(text for run, text in zip(runs, outputs, strict=True) if run.returncode)
    assert f"release {number} was planned, but deployment from " in loser
    assert server.status()["live"]["release"] == number


@pytest.mark.usefixtures("load")
def test_a_client_that_is_killed_midway(clone: Clone, server: Server) -> None:
    assert server.apply({"WORD": "not the program's"}).status == 0
    new = f"auth-{server.status()['next']}"
    process = subprocess.Popen(
        ["make", "--silent", "up"],
        cwd=clone.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    eventually(f"container {new}", lambda: new in server.containers(), wanted=True, seconds=60)
    subprocess.run(["pkill", "-9", "-s", str(process.pid)], check=True)
    process.wait(timeout=10)

    assert clone.make("up").status == 0


def answer_of(url: str) -> int | str:
    """Return the status of the answer, or the kind of the failure: a host that boots resets."""
    try:
        return httpx.get(url, timeout=30).status_code
    except httpx.TransportError as error:
        return type(error).__name__


def test_a_reboot_brings_back_the_live_release_and_not_a_half_made_one(
    server: Server, url: str, request: pytest.FixtureRequest
) -> None:
    live = server.status()["live"]["release"]
    half = server.start(
        *TOOL, "apply", stdin=server.desired(health={**QUICK, "stable_seconds": 25})
    )
    new = f"auth-{server.status()['next']}"
    time.sleep(4)
    with Load(url) as load:
        began = time.monotonic()
        server.reboot()
        half.communicate(timeout=60)
        eventually(
            "the service",
            lambda: answer_of(f"{url}/readyz"),
            httpx.codes.OK,
        )
        back = time.monotonic()
        figures = f"the service is back {back - began:.0f} s after a reboot began"
        request.node.user_properties.append(("load", figures))
        time.sleep(5)
    late = [failure for failure in load.failures if failure.at > back - load.began + 1]

    assert late == [], "requests fail although the service is back"
    running = server.must("sudo", "docker", "ps", "--format", "{{.Names}}").split()
    assert running == [f"auth-{live}"]
    assert new not in running
    metadata = server.run("curl -sS --max-time 3 http://169.254.169.254/opc/v2/instance/")
    # curl(1): 7 is a connection that was refused
    assert metadata.status == 7, f"any user reads the metadata: {metadata.output}"
    assert server.status()["differs"] == []
