"""A service or a proxy that ends or stands still comes back by itself."""

import json
import shlex
import time
from collections.abc import Callable

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


def wait_until_back(
    what: str, is_there: Callable[[], bool], request: pytest.FixtureRequest
) -> None:
    """Wait until the condition holds, and note the seconds."""
    began = time.monotonic()
    eventually(what, is_there, wanted=True, seconds=_BACK_SECONDS)
    figures = f"{what} is back after {time.monotonic() - began:.0f} s"
    request.node.user_properties.append(("load", figures))


def live_release(server: Server) -> int:
    return int(server.status()["live"]["release"])


def restarts_of(server: Server, number: int) -> int:
    history = json.loads(server.must(*TOOL, "history", "auth", "--json"))
    return next(len(entry["restarts"]) for entry in history if entry["release"] == number)


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
    server: Server, clone: Clone, url: str, fault: str, request: pytest.FixtureRequest
) -> None:
    number = live_release(server)
    name = f"auth-{number}"
    earlier = restarts_of(server, number)
    server.must("sudo", "bash", "-c", shlex.quote(fault.replace("NAME", name)))
    assert f"differs: {name} " in clone.make("status").output

    wait_until_back("the service", lambda: is_back(url), request)
    assert restarts_of(server, number) == earlier + 1
    assert live_release(server) == number
    eventually("no drift", lambda: server.status()["differs"], [], seconds=20)


def proxy_process(server: Server) -> int:
    """Return the main process of the proxy's unit; 0 if none runs."""
    return int(server.must("systemctl", "show", "--property=MainPID", "--value", "caddy"))


@pytest.mark.parametrize("signal", ["TERM", "STOP"])
def test_a_proxy_that_gives_no_answer_is_restarted(
    server: Server, url: str, signal: str, request: pytest.FixtureRequest
) -> None:
    former = proxy_process(server)
    server.must("sudo", "systemctl", "kill", f"--signal={signal}", "caddy")

    # a stopped process is continued to end it, and may answer once more
    def is_another() -> bool:
        return proxy_process(server) not in {former, 0}

    wait_until_back("the proxy", lambda: is_another() and is_back(url), request)
