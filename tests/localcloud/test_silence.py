"""The silence of a stack's alarms during work, through Oracle's own client."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import oci
import pytest

from localcloud import clients
from localcloud.ocids import REGION
from stack import alarms
from stack.stack import Stack
from tests.localcloud.caller import Caller
from tests.localcloud.notifications import topic_with
from tests.localcloud.test_alarms import alarm

ADDRESSES = '["oncall@example.test"]'


@dataclass
class Watched:
    """A stack with an alarm, and the credentials of the cloud's owner."""

    caller: Caller
    client: Any
    alarm: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        resource = {
            "id": self.alarm,
            "type": "oci:Monitoring/alarm:Alarm",
            "outputs": {"displayName": "site"},
        }
        overrides = clients.overrides(self.caller.home.endpoint)
        return cast(
            "Stack",
            SimpleNamespace(
                name="dev",
                env={"CLIENT_HOST_OVERRIDES": overrides},
                configuration=SimpleNamespace(values=lambda: self.values),
                resources=lambda: [resource],
            ),
        )

    def silences(self) -> int:
        listed = self.client.list_alarm_suppressions(compartment_id=self.caller.compartment).data
        return sum(each.alarm_suppression_target.alarm_id == self.alarm for each in listed.items)


@pytest.fixture(name="watched")
def _watched(caller: Caller) -> Iterator[Watched]:
    client = caller.client(oci.monitoring.MonitoringClient)
    topic, _ = topic_with(caller, "silent@example.test")
    made = client.create_alarm(alarm(caller, topic, "quiet[1m].max() > 1")).data.id
    account = caller.account
    yield Watched(
        caller,
        client,
        made,
        {
            "auth:alertEmails": ADDRESSES,
            "auth:compartmentOcid": caller.compartment,
            "oci:tenancyOcid": account.tenancy,
            "oci:userOcid": account.user,
            "oci:fingerprint": account.fingerprint,
            "oci:privateKeyPath": str(account.private_key_file),
            "oci:region": REGION,
        },
    )
    client.delete_alarm(made)


def test_the_alarms_are_silent_until_the_work_ends(watched: Watched) -> None:
    with alarms.quiet(watched.stack, "restore"):
        assert watched.silences() == 1

    assert watched.silences() == 0


def test_a_failure_of_the_work_ends_the_silence_as_well(watched: Watched) -> None:
    with pytest.raises(RuntimeError), alarms.quiet(watched.stack, "restore"):
        raise RuntimeError

    assert watched.silences() == 0


def test_a_silence_that_somebody_ended_meanwhile_is_no_problem(watched: Watched) -> None:
    with alarms.quiet(watched.stack, "restore"):
        listed = watched.client.list_alarm_suppressions(compartment_id=watched.caller.compartment)
        for each in listed.data.items:
            watched.client.delete_alarm_suppression(each.id)


def test_the_work_goes_on_if_the_alarms_can_not_be_silenced(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.values["oci:userOcid"] = watched.caller.account.reporter.ocid

    with alarms.quiet(watched.stack, "restore"):
        print("worked")

    shown = capsys.readouterr()
    assert shown.out == "worked\n"
    assert "Warning: the alarms are not silent meanwhile." in shown.err


def test_a_stack_without_addresses_is_not_asked(watched: Watched) -> None:
    watched.values = {"auth:alertEmails": "[]"}

    with alarms.quiet(watched.stack, "restore"):
        assert watched.silences() == 0
