"""What is changed, stopped or restarted on the VM behind the program's back, and its repair."""

import time

import httpx
import pytest

from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server

pytestmark = pytest.mark.usefixtures("restored")


# changes by hand to NAME, the live container, and a preview's words for them
DRIFTS = {
    "sudo docker update --memory 600m --memory-swap 600m NAME": "NAME may use 600 MiB of memory",
    "sudo sh -c 'echo >> /etc/caddy/sites/auth.caddy'": "/etc/caddy/sites/auth.caddy was changed",
}


@pytest.mark.usefixtures("load")
def test_what_was_changed_by_hand_shows_in_the_preview_and_is_repaired(
    clone: Clone, server: Server
) -> None:
    name = f"auth-{server.status()['live']['release']}"
    for command in DRIFTS:
        server.must(command.replace("NAME", name))

    preview = clone.make("preview").output
    for difference in DRIFTS.values():
        assert difference.replace("NAME", name) in preview
    assert clone.make("up").status == 0
    assert clone.shell("pulumi preview --stack local --expect-no-changes").status == 0


def test_a_proxy_that_runs_something_else_is_drift_and_repaired(
    server: Server, desired: str
) -> None:
    server.must("curl -sSf --json 8080 127.0.0.1:2019/config/apps/http/http_port")
    assert server.status()["differs"] == ["the proxy does not run the configuration in its files"]

    server.must(*TOOL, "apply", stdin=desired)

    assert server.status()["differs"] == []


def test_routes_that_were_flushed_are_loaded_again(server: Server, desired: str, url: str) -> None:
    server.must("sudo", "iptables", "-t", "nat", "-F", "AUTH-RELEASE")
    assert server.status()["differs"] == [
        "the kernel's rules that lead requests to it were changed"
    ]

    server.must(*TOOL, "apply", stdin=desired)

    assert httpx.get(f"{url}/readyz", timeout=30).status_code == httpx.codes.OK


def test_a_container_that_was_stopped_by_hand_is_started_again(
    clone: Clone, server: Server, url: str
) -> None:
    name = f"auth-{server.status()['live']['release']}"
    with server.without_supervisor():
        server.must("sudo", "docker", "stop", name)

        assert f"{name} does not run" in clone.make("preview").output
        assert clone.make("up").status == 0
    assert httpx.get(f"{url}/readyz", timeout=30).status_code == httpx.codes.OK


@pytest.mark.usefixtures("load")
def test_docker_may_stop_start_and_restart_with_what_runs_its_containers(
    server: Server, url: str
) -> None:
    server.must("sudo systemctl stop docker.socket docker")
    stopped = time.monotonic()
    try:
        # their lines in the log are more than a pipe holds
        with httpx.Client(timeout=10) as client:
            for _ in range(400):
                assert client.get(f"{url}/healthz").status_code == httpx.codes.OK
        time.sleep(max(20 - (time.monotonic() - stopped), 0))
    finally:
        server.must("sudo systemctl start docker")
    server.must("sudo systemctl restart docker containerd")
    time.sleep(2)

    assert server.status()["differs"] == []


def test_a_container_that_only_has_our_labels_is_left_alone(server: Server, desired: str) -> None:
    live = server.status()["live"]
    server.must(
        *("sudo", "docker", "run", "--detach", "--rm", "--name", "copy"),
        *("--label", "auth.service=auth", "--label", f"auth.release={live['release']}"),
        *(live["image"], "sleep", "600"),
    )
    try:
        assert server.status()["foreign"] == ["copy"]
        again = server.run(*TOOL, "apply", stdin=desired)
        assert f"Release {live['release']} already runs this." in again.output
        assert "copy" in server.containers()
    finally:
        server.must("sudo", "docker", "rm", "--force", "copy")
