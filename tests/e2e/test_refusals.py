"""Releases that are refused, and the causes that they name; the live release goes on."""

import json
import platform
from pathlib import Path

import pytest

from tests.e2e.images import push
from tests.testbed.clone import Clone
from tests.testbed.server import QUICK, TOOL, Server

pytestmark = pytest.mark.usefixtures("restored")


@pytest.mark.usefixtures("load")
def test_a_release_that_never_gets_healthy(server: Server) -> None:
    before = server.status()["live"]
    sick = {**QUICK, "path": "/no-such-page", "deadline_seconds": 3}

    failed = server.apply(health=sick)

    assert failed.status != 0
    assert "last answer: HTTP 404" in failed.output
    assert server.status()["live"] == before


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


def test_an_app_that_listens_on_loopback_fails_with_that_cause_and_is_not_root(
    clone: Clone, server: Server, tmp_path: Path
) -> None:
    failed = server.apply(
        image=push(clone, tmp_path, LONELY), health={**QUICK, "deadline_seconds": 5}
    )

    assert failed.status != 0
    assert "The likely cause: it listens on 127.0.0.1 only" in failed.output
    assert "| I am user 10001 of group 10001" in failed.output


def test_a_hook_that_fails_stops_the_release_and_its_output_is_shown(server: Server) -> None:
    before = server.status()["live"]
    hooks = {"before": [["python3", "-c", "print('no room'); raise SystemExit(3)"]]}

    failed = server.apply(hooks=hooks)

    assert failed.status != 0
    assert "no room" in failed.output
    assert server.status()["live"] == before


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


# this image can't run here and need not: the registry's description of it is enough to refuse it
FOREIGN = """\
FROM scratch
COPY Dockerfile /
"""


def test_an_image_for_another_architecture_is_refused_before_it_is_pulled(
    clone: Clone, server: Server, tmp_path: Path
) -> None:
    before = server.status()["live"]
    other = "arm64" if platform.machine() == "x86_64" else "amd64"

    failed = server.apply(image=push(clone, tmp_path, FOREIGN, f"--platform=linux/{other}"))

    assert failed.status != 0
    assert f"the image is built for {other}, this host is " in failed.output
    assert server.status()["live"] == before
