"""Releases under load, with everything that may happen to them; on a real proxy and containers.

Wherever a load runs, no request may fail.
"""

import json
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e import older
from tests.e2e.images import push
from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone
from tests.testbed.load import Load
from tests.testbed.server import QUICK, TOOL, Server

_KILLS = 60  # more effects than a release has


@pytest.fixture(scope="module", name="server")
def _server(clone: Clone) -> Server:
    return Server.of(clone)


@pytest.fixture(scope="module", name="pristine")
def _pristine(server: Server) -> str:
    """Give the desired state as the program has it."""
    return server.desired()


@pytest.fixture(name="restored")
def _restored(clone: Clone, server: Server, pristine: str) -> Iterator[None]:
    """Bring back the program's desired state: after each of these tests it must converge."""
    yield
    if clone.run("git", "status", "--porcelain").output:
        clone.run("git", "checkout", "--quiet", ".")
        assert clone.make("up").status == 0
    else:
        server.must(*TOOL, "apply", stdin=pristine)
    status = server.status()
    assert status["running"]
    assert status["differs"] == []
    assert server.containers_at_rest() == [f"auth-{status['live']['release']}"]


pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture(name="load")
def _load(url: str) -> Iterator[Load]:
    """Keep a load on the service; in the end nothing of it may have failed."""
    with Load(url) as load:
        time.sleep(2)
        yield load
    assert load.sent > 0
    assert load.failures == []


@pytest.mark.usefixtures("load")
def test_a_change_of_the_environment_alone(server: Server) -> None:
    before = server.status()["live"]

    assert server.apply({"WORD": "first"}).status == 0

    after = server.status()["live"]
    assert after["image"] == before["image"]
    assert after["release"] > before["release"]


@pytest.mark.usefixtures("load")
def test_a_release_that_never_gets_healthy(server: Server) -> None:
    before = server.status()["live"]
    sick = {**QUICK, "path": "/no-such-page", "deadline_seconds": 3}

    failed = server.apply(health=sick)

    assert failed.status != 0
    assert "last answer: HTTP 404" in failed.output
    assert server.status()["live"] == before


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
    status = server.status()
    assert status["went_back"]["release"] == number
    assert status["went_back"]["note"] == (
        f"release {before['release']} took over again, as auth-{number} ended with exit code 3; "
        "its last line: I end now"
    )
    assert f"Release {number} failed after it was live" in clone.make("status").output
    history = json.loads(server.must(*TOOL, "history", "auth", "--json"))
    assert (history[0]["release"], history[0]["outcome"]) == (number, "failed")
    assert server.containers_at_rest() == [f"auth-{before['release']}"]


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
    server: Server, pristine: str
) -> None:
    server.must("curl -sSf --json 8080 127.0.0.1:2019/config/apps/http/http_port")
    assert server.status()["differs"] == ["the proxy does not run the configuration in its files"]

    server.must(*TOOL, "apply", stdin=pristine)

    assert server.status()["differs"] == []


def test_routes_that_were_flushed_are_loaded_again(server: Server, pristine: str, url: str) -> None:
    server.must("sudo", "iptables", "-t", "nat", "-F", "AUTH-RELEASE")
    assert server.status()["differs"] == [
        "the kernel's rules that lead requests to it were changed"
    ]

    server.must(*TOOL, "apply", stdin=pristine)

    assert httpx.get(f"{url}/readyz", timeout=30).status_code == httpx.codes.OK


def test_a_container_that_was_stopped_by_hand_is_started_again(
    clone: Clone, server: Server, url: str
) -> None:
    name = f"auth-{server.status()['live']['release']}"
    server.must("sudo", "docker", "stop", name)

    assert f"{name} does not run" in clone.make("preview").output
    assert clone.make("up").status == 0
    assert httpx.get(f"{url}/readyz", timeout=30).status_code == httpx.codes.OK


@pytest.mark.usefixtures("load")
def test_a_site_that_changes_and_a_reload_without_a_change(server: Server) -> None:
    server.must("sudo", "systemctl", "reload", "caddy")
    limits = json.loads(server.desired())["limits"]

    assert server.apply(limits={**limits, "request_body": "2m"}).status == 0

    assert "2097152" in server.must("cat", "/etc/caddy/sites/auth.caddy")


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


# it would be root, and listens where only its own container reaches it
LONELY = """\
ARG IMAGE
FROM ${IMAGE}
USER 0:0
ENTRYPOINT ["python3", "-c", "\\
import os, http.server as h\\n\\
print('I am user', os.getuid(), 'of group', os.getgid(), flush=True)\\n\\
h.HTTPServer(('127.0.0.1', 8000), h.SimpleHTTPRequestHandler).serve_forever()"]
"""


# this image can't run here and need not: the registry's description of it is enough to refuse it
FOREIGN = """\
FROM scratch
COPY Dockerfile /
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


def test_an_app_that_listens_on_loopback_fails_with_that_cause_and_is_not_root(
    clone: Clone, server: Server, tmp_path: Path
) -> None:
    failed = server.apply(
        image=push(clone, tmp_path, LONELY), health={**QUICK, "deadline_seconds": 5}
    )

    assert failed.status != 0
    assert "The likely cause: it listens on 127.0.0.1 only" in failed.output
    assert "| I am user 10001 of group 10001" in failed.output


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


def test_a_container_that_only_has_our_labels_is_left_alone(server: Server, pristine: str) -> None:
    live = server.status()["live"]
    server.must(
        *("sudo", "docker", "run", "--detach", "--rm", "--name", "copy"),
        *("--label", "auth.service=auth", "--label", f"auth.release={live['release']}"),
        *(live["image"], "sleep", "600"),
    )
    try:
        assert server.status()["foreign"] == ["copy"]
        again = server.run(*TOOL, "apply", stdin=pristine)
        assert f"Release {live['release']} already runs this." in again.output
        assert "copy" in server.containers()
    finally:
        server.must("sudo", "docker", "rm", "--force", "copy")


def test_a_hook_that_fails_stops_the_release_and_its_output_is_shown(server: Server) -> None:
    before = server.status()["live"]
    hooks = {"before": [["python3", "-c", "print('no room'); raise SystemExit(3)"]]}

    failed = server.apply(hooks=hooks)

    assert failed.status != 0
    assert "no room" in failed.output
    assert server.status()["live"] == before


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
    assert f"release {number} was planned, but ubuntu from " in loser
    assert server.status()["live"]["release"] == number


def test_a_full_disk_stops_the_release_before_it_begins(server: Server) -> None:
    before = server.status()["live"]
    free = int(server.must("df --output=avail -B1 /srv/auth | tail -1"))
    server.must("sudo", "fallocate", "-l", str(free - (100 << 20)), "/srv/auth/filler")
    try:
        failed = server.apply({"FULL": "1"})
    finally:
        server.must("sudo", "rm", "/srv/auth/filler")

    assert failed.status != 0
    assert "/srv/auth has " in failed.output
    assert server.status()["live"] == before


def test_a_registry_that_is_away_stops_the_release_before_it_begins(
    clone: Clone, server: Server
) -> None:
    before = server.status()["live"]
    registry = clone.outputs()["image"].partition("/")[0]
    address, _, port = registry.partition(":")
    rule = ["OUTPUT", "-d", address, "-p", "tcp", "--dport", port, "-j", "REJECT"]
    absent = f"{clone.outputs()['image'].partition('@')[0]}@sha256:{'0' * 64}"
    server.must("sudo", "iptables", "-I", *rule)
    try:
        failed = server.apply(image=absent)
    finally:
        server.must("sudo", "iptables", "-D", *rule)

    assert failed.status != 0
    assert f"the registry {registry} can't be reached from this host" in failed.output
    assert server.status()["live"] == before
    gone = server.apply(image=absent)
    assert "has no image" in gone.output


def test_an_expired_token_is_named_and_not_shown(server: Server) -> None:
    desired = json.loads(server.desired())
    desired["registry"]["password"] = "expired-token"
    desired["image"] = f"{desired['image'].partition('@')[0]}@sha256:{'0' * 64}"

    failed = server.run(*TOOL, "apply", stdin=json.dumps(desired))

    assert failed.status != 0
    assert "refuses the login of 'server'" in failed.output
    assert "pulumi config set --secret auth:registryPullPassword" in failed.output
    assert "expired-token" not in failed.output


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


def test_an_image_for_another_architecture_is_refused_before_it_is_pulled(
    clone: Clone, server: Server, tmp_path: Path
) -> None:
    before = server.status()["live"]
    other = "arm64" if platform.machine() == "x86_64" else "amd64"

    failed = server.apply(image=push(clone, tmp_path, FOREIGN, f"--platform=linux/{other}"))

    assert failed.status != 0
    assert f"the image is built for {other}, this host is " in failed.output
    assert server.status()["live"] == before


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
    server: Server, url: str
) -> None:
    live = server.status()["live"]["release"]
    half = server.start(
        *TOOL, "apply", stdin=server.desired(health={**QUICK, "stable_seconds": 25})
    )
    new = f"auth-{server.status()['next']}"
    time.sleep(4)
    with Load(url) as load:
        server.reboot()
        half.communicate(timeout=60)
        eventually(
            "the service",
            lambda: answer_of(f"{url}/readyz"),
            httpx.codes.OK,
        )
        back = time.monotonic()
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
