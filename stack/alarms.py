"""The alarms of a stack: their states, their mails, and a silence for planned work."""

import argparse
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from components import advice
from stack.cloud_client import failures, open_client, reason
from stack.errors import StackError
from stack.names import is_local
from stack.stack import Stack
from toolchain import venv

ALARM = "oci:Monitoring/alarm:Alarm"
_SUBSCRIPTION = "oci:Ons/subscription:Subscription"
_DURATION = re.compile(r"(\d{1,3})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=7)
_LONGEST_WORK = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class AlarmState:
    """An alarm: `state` is FIRING, OK or OFF, `since` in UTC, `silent_until` empty if it mails."""

    name: str
    state: str
    since: str
    silent_until: str


class Monitoring:
    """The alarms of a stack, by Oracle's SDK with the credentials of the stack's configuration."""

    def __init__(self, stack: Stack) -> None:
        # takes most of a second to import
        import oci  # noqa: PLC0415

        self._oci, self._stack = oci, stack
        resources = [each for each in stack.resources() if not each.get("delete")]
        self.alarms = {r["id"]: r["outputs"] for r in resources if r["type"] == ALARM}
        self._subscriptions = [r["id"] for r in resources if r["type"] == _SUBSCRIPTION]
        if not self.alarms:
            raise StackError(
                f"The stack {stack.name} has no alarms. Name an address in auth:alertEmails, then: "
                f"{advice.make('up', stack.name)}"
            )
        self._client = open_client(stack, oci.monitoring.MonitoringClient, package="oci_monitoring")

    def states(self) -> list[AlarmState]:
        """Return the state of each alarm; a disabled alarm is OFF."""
        compartment = self._stack.configuration.values()["auth:compartmentOcid"]
        statuses = {each.id: each for each in self._all("list_alarms_status", compartment)}
        silences = self._silences(compartment)
        return [
            AlarmState(
                name=str(outputs["displayName"]),
                state=str(statuses[identity].status) if identity in statuses else "OFF",
                since=_shown(statuses[identity].timestamp_triggered)
                if identity in statuses
                else "",
                silent_until=silences.get(identity, ""),
            )
            for identity, outputs in self.alarms.items()
        ]

    def unconfirmed(self) -> list[str]:
        """Return the addresses that have not confirmed, and so receive nothing."""
        client = open_client(
            self._stack, self._oci.ons.NotificationDataPlaneClient, package="oci_ons"
        )
        subscriptions = [
            self._call(lambda each=each: client.get_subscription(each).data)
            for each in self._subscriptions
        ]
        return [each.endpoint for each in subscriptions if each.lifecycle_state == "PENDING"]

    def silence(self, duration: timedelta, reason: str = "planned work") -> list[str]:
        """Suppress the messages of each alarm from now on; return the OCIDs of the suppressions."""
        models = self._oci.monitoring.models
        now = datetime.now(UTC)
        suppressions = []
        for identity in self.alarms:
            details = models.CreateAlarmSuppressionDetails(
                alarm_suppression_target=models.AlarmSuppressionAlarmTarget(alarm_id=identity),
                level="ALARM",
                display_name=reason,
                time_suppress_from=now,
                time_suppress_until=now + duration,
            )
            suppression = self._call(
                lambda details=details: self._client.create_alarm_suppression(details).data
            )
            suppressions.append(str(suppression.id))
        return suppressions

    def end(self, suppressions: list[str]) -> None:
        """End suppressions before their time; somebody may have ended them already."""
        for identity in suppressions:
            try:
                self._client.delete_alarm_suppression(identity)
            except failures() as error:
                if getattr(error, "status", None) != HTTPStatus.NOT_FOUND:
                    raise StackError(f"A silence can't be ended. {reason(error)}") from None

    def _silences(self, compartment: str) -> dict[str, str]:
        now = datetime.now(UTC)
        listed = self._all("list_alarm_suppressions", compartment_id=compartment)
        return {
            each.alarm_suppression_target.alarm_id: _shown(each.time_suppress_until)
            for each in sorted(listed, key=lambda each: each.time_suppress_until)
            if each.time_suppress_from <= now < each.time_suppress_until
        }

    def _all(self, operation: str, *args: str, **kwargs: str) -> Any:
        """Return the items of all pages of a list."""
        every_page = self._oci.pagination.list_call_get_all_results
        method = getattr(self._client, operation)
        return self._call(lambda: every_page(method, *args, **kwargs).data)

    def _call(self, call: Any) -> Any:
        try:
            return call()
        except failures() as error:
            raise StackError(f"The alarms can't be read or changed. {reason(error)}") from None


def run(stack: Stack, arguments: argparse.Namespace) -> int:
    """Run `alarms`, `alerts` or `silence`; return the exit status."""
    if arguments.command == "alerts":
        return _show_mails(stack)
    if arguments.command == "silence":
        duration = parsed(arguments.duration, stack.name)
        monitoring = Monitoring(stack)
        until = datetime.now(UTC) + duration
        monitoring.silence(duration)
        print(silenced(len(monitoring.alarms), until))
        return 0
    monitoring = Monitoring(stack)
    states, unconfirmed = monitoring.states(), monitoring.unconfirmed()
    if arguments.json:
        print(json.dumps({"alarms": [asdict(s) for s in states], "unconfirmed": unconfirmed}))
        return 0
    print("\n".join([*lines(states), *_reminders(unconfirmed)]))
    return 0


@contextlib.contextmanager
def quiet(stack: Stack, reason: str) -> Iterator[None]:
    """Silence all alarms of a stack while work goes on, if it has any.

    A killed run leaves a silence that ends by itself after an hour. Alarms that can't be silenced,
    and a silence that can't be ended, are a warning, as the work and its result matter more.
    """
    monitoring, suppressions = None, list[str]()
    with _warned("the alarms are not silent meanwhile"):
        if stack.configuration.values().get("auth:alertEmails", "[]") not in {"", "[]"}:
            monitoring = Monitoring(stack)
            suppressions = monitoring.silence(_LONGEST_WORK, reason)
    try:
        yield
    finally:
        with _warned("the alarms stay silent for up to an hour"):
            if monitoring:
                monitoring.end(suppressions)


def lines(states: list[AlarmState]) -> list[str]:
    """Return a line for each alarm."""
    return [
        f"{each.state:7} {each.name}"
        + (f", since {each.since}" if each.since else ", disabled by auth:maintenance")
        + (f", silent until {each.silent_until}" if each.silent_until else "")
        for each in states
    ]


def parsed(text: str, stack: str) -> timedelta:
    """Return a duration such as 30m, 2h or 1d; raise StackError for any other text."""
    match = _DURATION.fullmatch(text)
    duration = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < duration <= _LONGEST:
        raise StackError(
            f"FOR is {text!r}; it must be a duration up to {_LONGEST.days} days, such as "
            f"{advice.make('silence FOR=2h', stack)}"
        )
    return duration


def silenced(count: int, until: datetime) -> str:
    """Return the sentence about a silence of some alarms."""
    subject = "1 alarm sends" if count == 1 else f"{count} alarms send"
    return f"{subject} no mails until {_shown(until)}."


@contextlib.contextmanager
def _warned(effect: str) -> Iterator[None]:
    """Print a failure as a warning with its effect, and go on."""
    try:
        yield
    except StackError as error:
        print(f"Warning: {effect}. {error}", file=sys.stderr)


def _reminders(unconfirmed: list[str]) -> Iterator[str]:
    for address in unconfirmed:
        yield f"{address} has not confirmed: it receives nothing before it follows the first mail."


def _show_mails(stack: Stack) -> int:
    if not is_local(stack.name):
        raise StackError("Only local stacks have a mailbox; Oracle Cloud sends real mails.")
    home = stack.clone / ".local" / "cloud"
    command = [str(venv.python(stack.clone)), "-m", "localcloud", "mail", "--home", str(home)]
    return subprocess.run(command, cwd=stack.clone, check=False).returncode


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
