"""The alarms of the stack: a monitor outside of it, a topic, and mails to the people on call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_oci.healthchecks.http_monitor import HttpMonitor
from pulumi_oci.monitoring.alarm import Alarm
from pulumi_oci.ons.notification_topic import NotificationTopic
from pulumi_oci.ons.subscription import Subscription

from components import metrics
from components.endpoint import Endpoint
from components.labels import display_name
from host.auth_release.monitoring import NAMESPACE

_INTERVAL_SECONDS = 10  # Oracle's shortest
_TIMEOUT_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alarm on a metric.

    It fires once its condition, over an interval, holds for `minutes` more. The title is also that
    of its section in docs/runbook.md.
    """

    name: str
    title: str
    metric: str
    interval: str = "5m"
    condition: str  # on the interval's values, in Oracle's query language
    minutes: int = 5
    severity: str = "ERROR"
    text: str
    is_of_requests: bool = False  # planned work may cause it


SITE_DOWN = Rule(
    name="site-down",
    title="the site is down",
    metric="HTTP.isHealthy",
    interval="1m",
    # the answers and the errors of a vantage point are different streams of the monitor
    condition="groupBy(resourceId).mean() < 0.5",
    minutes=1,
    severity="CRITICAL",
    text="Most requests from outside failed in the last minute.",
    is_of_requests=True,
)
# The thresholds of all alarms on the metrics that the server reports. Shares and percentiles are of
# five minutes: host/auth_release/measures.py.
RULES = (
    Rule(
        name="errors",
        title="requests fail",
        metric="errorPercent",
        interval="2m",
        condition="mean() > 5",
        minutes=3,
        severity="CRITICAL",
        text="More than 5 % of the requests were answered with 5xx.",
        is_of_requests=True,
    ),
    Rule(
        name="latency",
        title="requests are slow",
        metric="latencyP95",
        interval="2m",
        condition="mean() > 1000",
        minutes=3,
        text="One request in twenty took longer than a second.",
        is_of_requests=True,
    ),
    Rule(
        name="log-ins",
        title="many log-ins fail",
        metric="failedLogins",
        condition="sum() > 100",
        minutes=1,
        text="More than 100 log-ins failed or were refused within five minutes.",
        is_of_requests=True,
    ),
    Rule(
        name="certificate",
        title="the certificate ends soon",
        metric="certificateLifePercent",
        condition="max() < 11",
        text=(
            "Less than 11 % of the certificate's life is left: ten days of ninety. The proxy "
            "should have renewed it at a third."
        ),
    ),
    Rule(
        name="disk",
        title="a disk is nearly full",
        metric="diskPercent",
        condition="min() > 80",
        text="More than 80 % of the system's disk or of the data volume is in use.",
    ),
    Rule(
        name="memory",
        title="the memory is nearly full",
        metric="memoryPercent",
        condition="min() > 90",
        text="More than 90 % of the VM's memory is in use.",
    ),
    Rule(
        name="backup",
        title="the backup is late",
        metric="backupLate",
        interval="2m",
        condition="min() > 0",
        minutes=3,
        severity="CRITICAL",
        text="The newest copy of the database is more than a minute old, for five minutes.",
    ),
    Rule(
        name="drill",
        title="a drill failed or is late",
        metric="drillLate",
        condition="min() > 0",
        text="The newest drill with a copy of the database failed, or is more than eight days old.",
    ),
    Rule(
        name="reports",
        title="the VM does not report",
        metric="memoryPercent",
        condition="absent(3d)",
        minutes=1,
        severity="CRITICAL",
        text="The VM posted no metrics for five minutes.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """The site to watch, and the e-mail addresses of the people on call; no address: no alarms."""

    address: pulumi.Output[str]  # public IPv4 address of the server or the load balancer
    after: pulumi.Resource  # the first monitor begins after it, so that a new stack mails nobody
    compartment_id: str
    emails: Sequence[str]
    endpoint: Endpoint
    path: str  # that answers 2xx while the service works
    has_metrics: bool  # a server may report; without reports, only the monitor is watched
    is_enabled: bool  # False during planned work: no mail about requests


class Alarms(pulumi.ComponentResource):
    """Asks the service from outside, reads the server's metrics, and mails about each problem.

    A second mail follows when the problem is over. Each address confirms once, by the link in
    Oracle's first mail, and receives nothing before.
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
            name=f"{display_name(name)}-alarms",
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
            display_name=display_name(name),
            targets=[args.endpoint.host(args.address)],
            protocol=args.endpoint.protocol,
            port=args.endpoint.port,
            method="GET",
            path=args.path,
            interval_in_seconds=_INTERVAL_SECONDS,
            timeout_in_seconds=_TIMEOUT_SECONDS,
            is_enabled=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.after]),
        )
        self._alarm(
            name,
            args,
            topic,
            SITE_DOWN,
            namespace="oci_healthchecks",
            query=monitor.id.apply(site_down),
        )
        if args.has_metrics:
            for rule in RULES:
                self._alarm(
                    name,
                    args,
                    topic,
                    rule,
                    namespace=NAMESPACE,
                    query=query(rule, metrics.dimensions(name)),
                )

    def _alarm(
        self,
        name: str,
        args: AlarmsArgs,
        topic: NotificationTopic,
        rule: Rule,
        *,
        namespace: str,
        query: pulumi.Input[str],
    ) -> None:
        Alarm(
            f"{name}-{rule.name}",
            compartment_id=args.compartment_id,
            metric_compartment_id=args.compartment_id,
            display_name=f"{name} {pulumi.get_stack()}: {rule.title}",
            namespace=namespace,
            query=query,
            pending_duration=f"PT{rule.minutes}M",
            severity=rule.severity,
            body=f'{rule.text} The steps: docs/runbook.md, "Alarm: {rule.title}".',
            message_format="ONS_OPTIMIZED",
            destinations=[topic.topic_id],
            is_enabled=args.is_enabled or not rule.is_of_requests,
            opts=pulumi.ResourceOptions(parent=self),
        )


def query(rule: Rule, dimensions: Mapping[str, str]) -> str:
    """Return the query of a rule, for the metrics with these dimensions."""
    where = ", ".join(f'{name} = "{value}"' for name, value in dimensions.items())
    return f"{rule.metric}[{rule.interval}]{{{where}}}.{rule.condition}"


def site_down(monitor_id: str) -> str:
    """Return the query for less than half of a monitor's answers in a minute.

    Source: https://docs.oracle.com/en-us/iaas/Content/HealthChecks/Reference/metricsalarms-reference.htm
    """
    return query(SITE_DOWN, {"resourceId": monitor_id})
