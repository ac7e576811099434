"""Alarms on the real path: from a fault to a mail, and from its end to the all-clear."""

import json
import shlex
import time
from collections.abc import Iterator

import pytest

from tests.localcloud.caller import eventually
from tests.localcloud.notifications import confirm, mails
from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server

ADDRESS = "oncall@example.test"
SECONDS = 120
FIRED, OVER = "[OK_TO_FIRING] auth local: ", "[FIRING_TO_OK] auth local: "
SITE = ("auth-supervisor.service", "caddy.service")
REPORT = ("sudo", "systemctl", "start", "auth-metrics.service")
# past the proxy, from an address of its own: the limits of the other tests' address stay untouched
BURST = """
import http.client, json
for number in range(150):
    link = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
    attempt = json.dumps({"email": f"nobody-{number}@example.test", "password": "wrong horse"})
    link.request("POST", "/v1/auth/login", attempt, {"Content-Type": "application/json"})
    assert link.getresponse().status in (401, 429)
    link.close()
"""


@pytest.fixture(scope="module", autouse=True)
def _alarms(clone: Clone) -> Iterator[None]:
    """Turn the alarms on, and off again for the other files of this stack."""
    on = clone.shell(f"pulumi config set --path 'auth:alertEmails[0]' {ADDRESS}")
    assert on.status == 0, on.output
    assert clone.make("up").status == 0
    yield
    assert clone.shell("pulumi config rm auth:alertEmails").status == 0
    assert clone.make("up").status == 0


@pytest.fixture(scope="module", autouse=True)
def _burst(_alarms: None, server: Server) -> None:
    """Confirm the address, and let many log-ins fail between two reports of the server."""
    confirm(server.cloud, ADDRESS)
    server.must(*REPORT)
    server.must(*TOOL, "exec", "auth", "--", "python", "-c", shlex.quote(BURST))
    server.must(*REPORT)


def subjects(server: Server) -> list[str]:
    return [mail.subject for mail in mails(server.cloud, ADDRESS)]


def test_a_site_that_is_down_is_mailed_and_so_is_its_return(
    clone: Clone, server: Server, request: pytest.FixtureRequest
) -> None:
    down, up = (f"{change}the site is down" for change in (FIRED, OVER))
    began = time.monotonic()
    # without the supervisor, which would start the proxy again
    server.must("sudo", "systemctl", "stop", *SITE)
    try:
        eventually("the mail", lambda: down in subjects(server), wanted=True, seconds=SECONDS)
        mailed = time.monotonic() - began
        assert "FIRING  auth local: the site is down, since" in clone.make("alarms").output
    finally:
        server.must("sudo", "systemctl", "start", *SITE)
    began = time.monotonic()
    eventually("the all-clear", lambda: up in subjects(server), wanted=True, seconds=SECONDS)
    figures = f"mail after {mailed:.0f} s, all-clear after {time.monotonic() - began:.0f} s"
    request.node.user_properties.append(("load", figures))


def test_many_failed_log_ins_are_mailed_with_the_section_of_the_runbook(
    clone: Clone, server: Server
) -> None:
    fired = f"{FIRED}many log-ins fail"

    eventually("the mail", lambda: fired in subjects(server), wanted=True, seconds=SECONDS)

    assert 'docs/runbook.md, "Alarm: many log-ins fail"' in clone.make("alerts").output


def test_a_silence_is_in_the_list_of_alarms_and_all_addresses_are_confirmed(clone: Clone) -> None:
    assert clone.make("silence", "FOR=1m").status == 0

    report = json.loads(clone.make("alarms", "JSON=1").output)

    assert len(report["alarms"]) > 1
    assert all(alarm["silent_until"] for alarm in report["alarms"])
    assert report["unconfirmed"] == []
