"""The alarms of the stack: a monitor outside of it, a topic, and mails to the people on call."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_oci.healthchecks.http_monitor import HttpMonitor
from pulumi_oci.monitoring.alarm import Alarm
from pulumi_oci.ons.notification_topic import NotificationTopic
from pulumi_oci.ons.subscription import Subscription

from components.release import Release
from components.server import Server

_INTERVAL_SECONDS = 10  # Oracle's shortest
_TIMEOUT_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """The site to watch, and the e-mail addresses of the people on call; no address: no alarms."""

    server: Server
    release: Release  # the first monitor begins after it, so that a new stack mails nobody
    compartment_id: str
    emails: Sequence[str]
    domain: str  # empty: plain HTTP on the address
    path: str  # that answers 2xx while the service works
    is_enabled: bool  # False during planned work


class Alarms(pulumi.ComponentResource):
    """Asks the service from outside, and mails when it stops answering, and again when it answers.

    Each address confirms once, by the link in Oracle's first mail, and receives nothing before.
    """

    def __init__(
        self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:alarms:Alarms", name, None, opts)
        if args.emails:
            self._watch(name, args)
        self.register_outputs({})

    def _watch(self, name: str, args: AlarmsArgs) -> None:
        options = pulumi.ResourceOptions(parent=self)
        topic = NotificationTopic(
            f"{name}-alarms",
            compartment_id=args.compartment_id,
            # a name is taken once in a tenancy
            name=f"{name}-{pulumi.get_stack()}-alarms",
            description="Alarms of the Authentication Service",
            opts=options,
        )
        for address in args.emails:
            Subscription(
                f"{name}-alarms-to-{address}",
                compartment_id=args.compartment_id,
                topic_id=topic.topic_id,
                protocol="EMAIL",
                endpoint=address,
                opts=options,
            )
        monitor = HttpMonitor(
            f"{name}-monitor",
            compartment_id=args.compartment_id,
            display_name=f"{name}-{pulumi.get_stack()}",
            targets=[args.domain or args.server.public_ip],
            protocol="HTTPS" if args.domain else "HTTP",
            port=443 if args.domain else 80,
            method="GET",
            path=args.path,
            interval_in_seconds=_INTERVAL_SECONDS,
            timeout_in_seconds=_TIMEOUT_SECONDS,
            is_enabled=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.release]),
        )
        Alarm(
            f"{name}-site-down",
            compartment_id=args.compartment_id,
            metric_compartment_id=args.compartment_id,
            display_name=f"{name} {pulumi.get_stack()}: the site is down",
            namespace="oci_healthchecks",
            query=monitor.id.apply(site_down),
            pending_duration="PT1M",
            severity="CRITICAL",
            body=(
                f"Most requests to {args.path} from outside failed in the last minute. "
                'The steps: docs/runbook.md, "Alarm: the site is down".'
            ),
            message_format="ONS_OPTIMIZED",
            destinations=[topic.topic_id],
            is_enabled=args.is_enabled,
            opts=options,
        )


def site_down(monitor_id: str) -> str:
    """Return the query for less than half of the answers of a minute.

    Grouped by the monitor: the answers and the errors of a vantage point are different streams.
    Source: https://docs.oracle.com/en-us/iaas/Content/HealthChecks/Reference/metricsalarms-reference.htm
    """
    return f'HTTP.isHealthy[1m]{{resourceId = "{monitor_id}"}}.groupBy(resourceId).mean() < 0.5'
