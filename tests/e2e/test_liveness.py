"""A service or a proxy that ends or stands still comes back by itself."""

import json
import shlex

import httpx
import pytest

from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server

_BACK_SECONDS = 60


def is_back(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def container_of(server: Server) -> str:
    return f"auth-{server.status()['live']['release']}"


@pytest.mark.parametrize(
    "fault",
    [
        "docker kill NAME",
        # its first process is Docker's init, which does not answer requests
        "pkill -STOP -P $(docker inspect --format {{.State.Pid}} NAME)",
    ],
    ids=["killed", "stopped"],
)
def test_a_service_that_gives_no_answer_is_restarted(
    server: Server, clone: Clone, url: str, fault: str
) -> None:
    name = container_of(server)
    earlier = len(json.loads(server.must(*TOOL, "history", "auth", "--json"))[0]["restarts"])
    server.must("sudo", "bash", "-c", shlex.quote(fault.replace("NAME", name)))
    assert f"differs: {name} " in clone.make("status").output

    eventually("the service", lambda: is_back(url), wanted=True, seconds=_BACK_SECONDS)
    restarts = json.loads(server.must(*TOOL, "history", "auth", "--json"))[0]["restarts"]
    assert len(restarts) == earlier + 1
    assert container_of(server) == name
    eventually("no drift", lambda: server.status()["differs"], [], seconds=20)


@pytest.mark.parametrize("signal", ["TERM", "STOP"])
def test_a_proxy_that_gives_no_answer_is_restarted(server: Server, url: str, signal: str) -> None:
    server.must("sudo", "systemctl", "kill", f"--signal={signal}", "caddy")

    eventually("the proxy", lambda: is_back(url), wanted=True, seconds=_BACK_SECONDS)
