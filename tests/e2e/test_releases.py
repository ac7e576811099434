"""Releases under load, from the first answer to the end of the release before; on a real proxy."""

import json
import shutil
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e import older
from tests.e2e.images import push
from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone
from tests.testbed.load import Load
from tests.testbed.server import QUICK, TOOL, Server

pytestmark = pytest.mark.usefixtures("restored")


@pytest.mark.usefixtures("load")
def test_a_change_of_the_environment_alone(server: Server) -> None:
    before = server.status()["live"]

    assert server.apply({"WORD": "first"}).status == 0

    after = server.status()["live"]
    assert after["image"] == before["image"]
    assert after["release"] > before["release"]


@pytest.mark.usefixtures("load")
def test_a_release_that_gets_healthy_and_then_dies(server: Server) -> None:
    status = server.status()
    before, new = status["live"], f"auth-{status['next']}"
    # the container's end comes while it must stay healthy
    dying = server.start(
        *TOOL, "apply", stdin=server.desired(health={**QUICK, "stable_seconds": 20})
    )
    eventually(f"container {new}", lambda: new in server.containers(), wanted=True, seconds=30)
    time.sleep(4)
    server.must("sudo", "docker", "kill", new)
    output, _ = dying.communicate(timeout=60)

    assert dying.returncode != 0
    assert "the new container ended with exit code 137" in output
    assert server.status()["live"] == before


# healthy, until a second after its first request: then it answers the open requests, and ends
SHORT_LIVED = """\
ARG IMAGE
FROM ${IMAGE}
COPY short_lived.py /srv/short_lived.py
ENTRYPOINT ["python3", "/srv/short_lived.py"]
"""


def test_a_release_that_dies_after_the_switch_gives_way_without_a_lost_request(
    clone: Clone, server: Server, url: str, tmp_path: Path
) -> None:
    server.containers_at_rest()
    before = server.status()["live"]
    number = server.status()["next"]
    shutil.copy(Path(__file__).parent / "short_lived.py", tmp_path)
    image = push(clone, tmp_path, SHORT_LIVED)
    health = {**QUICK, "stable_seconds": 0.5, "watch_seconds": 30}

    with Load(url) as load:
        time.sleep(2)
        released = server.apply(image=image, health=health, drain_seconds=30)
        assert released.status == 0
        assert f"Release {before['release']} stands by for 30 s" in released.output
        eventually(
            "the release before", lambda: server.status()["live"] == before, wanted=True, seconds=30
        )
        time.sleep(2)

    assert load.failures == []
    # the route goes back first; the record follows when the container's end is known
    assert server.containers_at_rest() == [f"auth-{before['release']}"]
    status = server.status()
    assert status["went_back"]["release"] == number
    assert status["went_back"]["note"] == (
        f"release {before['release']} took over again, as auth-{number} ended with exit code 3; "
        "its last line: I end now"
    )
    assert f"Release {number} failed after it was live" in clone.make("status").output
    history = json.loads(server.must(*TOOL, "history", "auth", "--json"))
    assert (history[0]["release"], history[0]["outcome"]) == (number, "failed")


@pytest.mark.usefixtures("load")
def test_a_rollback_restores_the_configuration_and_is_told_by_the_next_preview(
    clone: Clone, server: Server
) -> None:
    assert server.apply({"WORD": "first"}).status == 0
    status = server.status()
    before, number = status["live"], status["next"]
    assert server.apply({"WORD": "second"}).status == 0

    assert clone.make("rollback").status == 0

    live = server.status()["live"]
    assert live["fingerprint"] == before["fingerprint"]
    preview = clone.make("preview").output
    assert f"(rollback from {number} to {before['release']}" in preview
    assert "this takes its place again" in preview
    assert live["note"] == f"rollback from {number} to {before['release']}"
    again = clone.make("rollback", f"TO={before['release']}")
    assert f"Release {live['release']} is live, and runs this image and configuration already." in (
        again.output
    )
    assert server.status()["live"] == live


def test_a_site_that_changes_and_a_reload_without_a_change(server: Server) -> None:
    limits = json.loads(server.desired())["limits"]
    # past the gateway: the time between a connection and its request is then the client's
    with Load(f"http://{server.inner_address}") as load:
        time.sleep(2)
        server.must("sudo", "systemctl", "reload", "caddy")

        assert server.apply(limits={**limits, "request_body": "2m"}).status == 0

        assert "2097152" in server.must("cat", "/etc/caddy/sites/auth.caddy")
        time.sleep(2)
    assert load.sent > 0
    assert load.failures == []


def test_a_container_at_a_port_serves_until_the_first_release_at_an_address(
    server: Server, url: str
) -> None:
    number = older.make_live(server)
    status = server.status()
    assert (status["live"]["release"], status["running"]) == (number, True)

    with Load(url) as load:
        time.sleep(2)
        assert server.apply({"WORD": f"after {number}"}).status == 0

    # the site is written anew this once, which closes the connections that clients keep open
    lost = [failure for failure in load.failures if failure.kind != older.CLOSED_BY_A_RELOAD]
    assert load.sent > 0
    assert lost == []
    assert server.status()["differs"] == []
    assert server.containers_at_rest() == [f"auth-{number + 1}"]


@pytest.mark.usefixtures("load")
def test_a_canary_takes_over_when_it_answers_well(server: Server) -> None:
    canary = {"percent": 20, "seconds": 5, "max_error_percent": 1}

    released = server.apply({"CANARY": "good"}, canary=canary, health=QUICK)

    assert released.status == 0
    answers = next(line for line in released.output.splitlines() if "server errors" in line)
    assert int(answers.split()[0]) > 20, f"the canary had no share: {answers}"


# a service that is well by its health check, and answers all else by 503
SICK = """\
ARG IMAGE
FROM ${IMAGE}
ENTRYPOINT ["python3", "-c", "\\
import http.server as h\\n\\
class Handler(h.BaseHTTPRequestHandler):\\n\\
    def do_GET(self):\\n\\
        self.send_response(200 if self.path == '/readyz' else 503)\\n\\
        self.end_headers()\\n\\
h.HTTPServer(('', 8000), Handler).serve_forever()"]
"""


def test_a_canary_that_fails_is_taken_back(
    clone: Clone, server: Server, url: str, tmp_path: Path
) -> None:
    before = server.status()["live"]
    sick = push(clone, tmp_path, SICK)
    canary = {"percent": 20, "seconds": 30, "max_error_percent": 1}
    with Load(url, seconds=60):
        failed = server.apply(image=sick, canary=canary, health=QUICK)

    assert failed.status != 0
    assert "answers were server errors" in failed.output
    assert server.status()["live"] == before
    with Load(url, seconds=60) as load:
        time.sleep(3)
    assert load.failures == []


def test_maintenance_closes_the_service_but_for_its_health(clone: Clone, url: str) -> None:
    assert clone.shell("pulumi config set --stack local auth:maintenance true").status == 0
    try:
        assert clone.make("up").status == 0
        assert httpx.get(f"{url}/v1/me", timeout=30).status_code == 503
        assert httpx.get(f"{url}/healthz", timeout=30).status_code == 200
    finally:
        assert clone.shell("pulumi config rm --stack local auth:maintenance").status == 0
    assert clone.make("up").status == 0
    assert httpx.get(f"{url}/v1/me", timeout=30).status_code == 401


OTHER = """\
ARG IMAGE
FROM ${IMAGE}
LABEL other=yes
"""


def test_a_rollback_outlives_a_prune_and_fetches_what_a_thorough_one_took(
    clone: Clone, server: Server, tmp_path: Path
) -> None:
    first = server.status()["live"]["image"]
    assert server.apply(image=push(clone, tmp_path, OTHER), health=QUICK).status == 0
    server.containers_at_rest()

    server.must("sudo docker system prune --force")
    back = clone.make("rollback")
    assert back.status == 0
    assert "Pull " not in back.output, "the prune removed the image of the rollback"
    server.containers_at_rest()

    server.must("sudo docker system prune --all --force")
    alone = server.run(*TOOL, "rollback", "auth")
    assert alone.status != 0
    assert "`make rollback` sends auth:registryPullPassword" in alone.output
    forth = clone.make("rollback")
    assert forth.status == 0
    assert "Pull " in forth.output
    assert server.status()["live"]["image"] != first
