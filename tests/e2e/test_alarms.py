"""The alarm for a site that is down: the real path, from a probe from outside to a mail."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.localcloud.caller import eventually
from tests.localcloud.notifications import confirm, mails
from tests.testbed.clone import Clone
from tests.testbed.server import Server

ADDRESS = "oncall@example.test"
SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def _alarms(clone: Clone) -> Iterator[None]:
    """Turn the alarms on, and off again for the other files of this stack."""
    on = clone.shell(f"pulumi config set --path 'auth:alertEmails[0]' {ADDRESS}")
    assert on.status == 0, on.output
    assert clone.make("up").status == 0
    yield
    assert clone.shell("pulumi config rm auth:alertEmails").status == 0
    assert clone.make("up").status == 0


def test_a_site_that_is_down_is_mailed_and_so_is_its_return(
    clone: Clone, request: pytest.FixtureRequest
) -> None:
    server = Server.of(clone)
    report = json.loads(clone.make("alarms", "JSON=1").output)
    assert report["unconfirmed"] == [ADDRESS]
    confirm(server.cloud, ADDRESS)

    def subject() -> str:
        return mails(server.cloud, ADDRESS)[-1].subject.partition(" ")[0]

    began = time.monotonic()
    # masked, so that nothing on the server starts it again
    server.must("sudo", "systemctl", "mask", "--runtime", "--now", "caddy.service")
    try:
        eventually("the mail", subject, "[OK_TO_FIRING]", SECONDS)
        mailed = time.monotonic() - began
        assert "docs/runbook.md" in mails(server.cloud, ADDRESS)[-1].text
    finally:
        server.must("sudo", "systemctl", "unmask", "--runtime", "caddy.service")
        server.must("sudo", "systemctl", "start", "caddy.service")
    began = time.monotonic()
    eventually("the all-clear", subject, "[FIRING_TO_OK]", SECONDS)
    figures = f"mail after {mailed:.0f} s, all-clear after {time.monotonic() - began:.0f} s"
    request.node.user_properties.append(("load", figures))

    report = json.loads(clone.make("alarms", "JSON=1").output)
    assert [alarm["state"] for alarm in report["alarms"]] == ["OK"]
    assert report["unconfirmed"] == []


def test_a_silence_is_in_the_list_of_alarms(clone: Clone) -> None:
    assert clone.make("silence", "FOR=1m").status == 0

    assert "silent until" in clone.make("alarms").output


def test_the_mails_are_shown(clone: Clone) -> None:
    assert "Subscription Confirmation" in clone.make("alerts").output
