"""Metrics: data points that are posted, and their summary by a query."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from localcloud.api import errors, paging, wire
from localcloud.api.operation import Call, Operation, Reply
from localcloud.api.wire import Details, Resource
from localcloud.service import ResourceType
from localcloud.services.monitoring import mql
from localcloud.state.account import REPORTED_NAMESPACE
from localcloud.state.points import KEPT_SECONDS, Point

_OLDEST, _NEWEST = timedelta(hours=2), timedelta(minutes=10)
_MOST_STREAMS = 50
_MOST_SUMMARIES = 2000
_RESERVED = ("oci_", "oracle_")


class MetricData(Resource):
    """A stream of data points; no resource of the store."""

    kind: ClassVar[str] = "metric"
    title: ClassVar[str] = "Metric"
    identifier: ClassVar[str] = "name"
    name: str


class Datapoint(Details):
    """A value at a moment; `count` equal values are a single data point."""

    timestamp: AwareDatetime
    value: float
    count: int = Field(default=1, ge=1)


class MetricDataDetails(Details):
    """Data points of a stream: a metric with its dimensions."""

    namespace: str = Field(pattern=r"[a-z][a-z0-9_]*[a-z0-9]", max_length=256)
    compartment_id: str
    name: str = Field(pattern=r"[a-zA-Z][a-zA-Z0-9_.$-]*", max_length=255)
    dimensions: dict[str, str] = Field(min_length=1, max_length=20)
    datapoints: list[Datapoint] = Field(min_length=1)
    resource_group: str | None = None
    metadata: dict[str, str] | None = None


class PostMetricDataDetails(Details):
    """The request with data points of several streams."""

    metric_data: list[MetricDataDetails] = Field(min_length=1, max_length=_MOST_STREAMS)
    batch_atomicity: str | None = None


class SummarizeMetricsDataDetails(Details):
    """The request for a summary: a query, and the times that it covers."""

    namespace: str
    query: str
    start_time: AwareDatetime
    end_time: AwareDatetime


def _post(call: Call) -> Reply:
    """Keep data points; each that is too old, too new or of a namespace of Oracle's is refused.

    The limits are Oracle's: two hours into the past, ten minutes into the future.
    """
    details = wire.read(PostMetricDataDetails, call.body)
    now = call.cloud.now()
    for data in details.metric_data:
        if call.is_reporter and data.namespace != REPORTED_NAMESPACE:
            raise errors.not_found()
        if data.compartment_id not in call.cloud.account.compartments:
            raise errors.not_found()
        if data.namespace.startswith(_RESERVED):
            raise errors.invalid_parameter(f"Namespace {data.namespace} is Oracle's own.")
        for point in data.datapoints:
            if not now - _OLDEST <= point.timestamp <= now + _NEWEST:
                raise errors.invalid_parameter(
                    f"Timestamp {point.timestamp.isoformat()} of {data.name} is older than two "
                    "hours or newer than ten minutes."
                )
    call.cloud.points.add(
        Point(
            compartment=data.compartment_id,
            namespace=data.namespace,
            name=data.name,
            dimensions=data.dimensions,
            at=point.timestamp.timestamp(),
            value=point.value,
            count=point.count,
        )
        for data in details.metric_data
        for point in data.datapoints
    )
    return Reply(body={"failedMetricsCount": 0, "failedMetrics": []})


def _summarize(call: Call) -> Reply:
    """Return the aggregated data points of each stream: one for each interval."""
    paging.check_required(call.cloud, call.query, ("compartmentId",))
    details = wire.read(SummarizeMetricsDataDetails, call.body)
    query = mql.parse(details.query)
    seconds = (details.end_time - details.start_time).total_seconds()
    if not 0 < seconds <= KEPT_SECONDS or seconds / query.interval > _MOST_SUMMARIES:
        raise errors.invalid_parameter(
            f"startTime to endTime must be a day at the most, and {_MOST_SUMMARIES} intervals."
        )
    compartment, end = call.query["compartmentId"], details.end_time.timestamp()
    points = call.cloud.points.between(
        compartment, details.namespace, query.metric, end - seconds - query.lookback, end
    )
    streams: dict[mql.Dimensions, list[dict[str, Any]]] = {}
    moment = end - seconds + query.interval
    while moment <= end:
        before = [point for point in points if moment - query.lookback < point.at <= moment]
        for stream, value in query.values(before, moment).items():
            streams.setdefault(stream, []).append({"timestamp": _time(moment), "value": value})
        moment += query.interval
    return Reply(
        body=[
            {
                "namespace": details.namespace,
                "compartmentId": compartment,
                "name": query.metric,
                "dimensions": dict(stream),
                "aggregatedDatapoints": aggregated,
            }
            for stream, aggregated in streams.items()
        ]
    )


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat()


RESOURCE_TYPE = ResourceType(
    resource=MetricData,
    operations=(
        Operation(
            name="PostMetricData",
            method="POST",
            path="/metrics",
            answer=_post,
            fields=("metricData", "batchAtomicity"),
        ),
        Operation(
            name="SummarizeMetricsData",
            method="POST",
            path="/metrics/actions/summarizeMetricsData",
            answer=_summarize,
            queries=frozenset({"compartmentId"}),
            fields=("namespace", "query", "startTime", "endTime"),
        ),
    ),
    limits="""
        - Data points are kept for a day, and 200,000 at the most; Oracle keeps 90 days.
        - A query has a metric, an interval, `name = "value"` filters, `groupBy`, a statistic
          (`mean`, `min`, `max`, `sum`, `count`, `absent`) and a comparison with a number. Anything
          else is refused by its name. An interval ends now; Oracle's end with a minute.
    """,
)
