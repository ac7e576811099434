"""The audit log stays small, whatever strangers send."""

import asyncio
import json
from typing import Any, cast

import httpx
from applications import SETTINGS, WITH_ISSUER, Browser, Flow
from auth.telemetry.audit import Audit, Event
from auth.telemetry.metrics import Metrics
from running import Server
from test_telemetry import sample
from users import User

SERVER_SETTINGS = {**WITH_ISSUER, "AUTH_METRICS_FROM": "loopback"}
REFUSED = "oauth.client_refused"


def lines(server: Server) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in server.log.splitlines() if '"audit"' in line]
    return [event for event in events if event["event"] == REFUSED]


def refused(client: httpx.Client, client_id: str) -> int:
    form_data = {"grant_type": "client_credentials"}
    return client.post("/oauth2/token", data=form_data, auth=(client_id, "wrong")).status_code


def count(client: httpx.Client) -> float:
    series = f'auth_security_events_total{{event="{REFUSED}",outcome="failure"}}'
    return sample(client.get("/metrics").text, series)


def test_a_thousand_refused_clients_are_two_events_and_the_metrics_count_each(
    own_server: Server,
) -> None:
    own_server.settings = SERVER_SETTINGS
    own_server.start()
    with httpx.Client(base_url=own_server.url, timeout=30) as client:
        answers = [refused(client, name) for name in ("app", "nobody") for _ in range(500)]
        counted = count(client)
    own_server.stop()

    assert set(answers) == {401}
    assert counted == 1000
    first, last = lines(own_server)
    assert first["client_id"] == last["client_id"] == "app"
    assert first["address"]
    assert last["detail"]["repeated"] == "499"


def test_a_used_code_that_comes_again_and_again_is_a_single_event(
    server: Server, client: httpx.Client, browser: Browser
) -> None:
    flow = Flow()
    code = flow.code(browser)
    before = server.log.count('"oauth.code_reused"')
    assert flow.redeem(client, code).status_code == 200

    answers = {flow.redeem(client, code).json()["error"] for _ in range(20)}

    assert answers == {"invalid_grant"}
    assert server.log.count('"oauth.code_reused"') == before + 1


def test_a_run_that_begins_while_another_ends_is_neither_lost_nor_written_twice() -> None:
    """Writing an end waits for the database, and a refusal comes meanwhile."""
    written: list[dict[str, Any]] = []
    clock = [0.0]

    class Slow:
        async def write(self, _: object, event: dict[str, Any]) -> None:
            written.append(event)
            if event["client_id"] == "a" and "repeated" in str(event["detail"]):
                await audit.record_first(Event.CLIENT_REFUSED, client_id="b")

    audit = Audit(cast("Any", Slow()), Metrics(revision="r"), now=lambda: clock[0])

    async def refuse_and_finish() -> None:
        for client_id in "aabb":
            await audit.record_first(Event.CLIENT_REFUSED, client_id=client_id)
        clock[0] = 601.0
        await audit.finish_runs()
        await audit.record_first(Event.CLIENT_REFUSED, client_id="b")
        await audit.finish_runs(every=True)

    asyncio.run(refuse_and_finish())

    ends = [event["client_id"] for event in written if "repeated" in str(event["detail"])]
    firsts = [event["client_id"] for event in written if "repeated" not in str(event["detail"])]
    assert sorted(ends) == ["a", "b", "b"]
    assert firsts == ["a", "b", "b"], "a run of b was lost"


def test_the_oldest_events_go_first_and_the_metrics_count_them(own_server: Server) -> None:
    extra = 3
    own_server.settings = {
        **SETTINGS,
        "AUTH_METRICS_FROM": "loopback",
        "AUTH_AUDIT_EVENTS": "1000",
    }
    own_server.start()
    with httpx.Client(base_url=own_server.url, timeout=30) as client:
        User.registered(client)  # an event, the oldest
    row = "INSERT INTO audit_events (at, event, outcome) VALUES (9999999999, 'login', 'success')"
    own_server.execute(*[row] * (999 + extra))
    own_server.stop()
    own_server.start()

    with httpx.Client(base_url=own_server.url, timeout=30) as client:
        metrics = client.get("/metrics").text
    assert f'auth_audit_events_removed_total{{reason="size"}} {extra}.0' in metrics
    assert "auth_audit_events 1000.0" in metrics
