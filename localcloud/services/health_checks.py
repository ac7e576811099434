"""Oracle's Health Checks: HTTP monitors, which really probe their targets.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/healthchecks/20180501/
"""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPMethod
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import acts, creates, deletes, lists, reads, updates
from localcloud.api.wire import Resource
from localcloud.cloud import Cloud
from localcloud.resources import ChangeCompartmentDetails, TagDetails, Tags
from localcloud.service import Recurring, ResourceType, Service
from localcloud.state.points import Point

NAMESPACE = "oci_healthchecks"
VANTAGE_POINT = "localhost"
_INTERVALS = (10, 30, 60)
_PORTS = {"HTTP": 80, "HTTPS": 443}
_TICK_SECONDS = 5
_HEALTHY = range(200, 400)  # Oracle's: an answer of 2xx or 3xx
_last_probes: dict[str, float] = {}


class HttpMonitor(Resource):
    """A monitor: a request to each target at an interval."""

    kind: ClassVar[str] = "httpmonitor"
    title: ClassVar[str] = "HTTP Monitor"
    id: str
    compartment_id: str
    results_url: str
    home_region: str = ocids.REGION
    time_created: AwareDatetime
    display_name: str
    targets: list[str]
    vantage_point_names: list[str]
    port: int | None = None
    timeout_in_seconds: int = 30
    protocol: str
    method: str = "HEAD"
    path: str = "/"
    headers: dict[str, str] = Field(default_factory=dict)
    interval_in_seconds: int
    is_enabled: bool = True
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class UpdateHttpMonitorDetails(TagDetails):
    """The update of a monitor."""

    targets: list[str] | None = Field(default=None, min_length=1, max_length=10)
    vantage_point_names: list[str] | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    timeout_in_seconds: int | None = Field(default=None, ge=1, le=60)
    protocol: str | None = None
    method: str | None = None
    path: str | None = None
    headers: dict[str, str] | None = None
    display_name: str | None = Field(default=None, min_length=1)
    interval_in_seconds: int | None = None
    is_enabled: bool | None = None


class CreateHttpMonitorDetails(UpdateHttpMonitorDetails):
    """The request for a monitor."""

    compartment_id: str
    targets: list[str] = Field(min_length=1, max_length=10)
    protocol: str
    display_name: str = Field(min_length=1)
    interval_in_seconds: int


def _create(cloud: Cloud, details: CreateHttpMonitorDetails) -> HttpMonitor:
    """Create a monitor; its first probe follows within seconds."""
    resources.known_compartment(cloud, details.compartment_id)
    resources.refuse_defined_tags(details)
    _check(details)
    ocid = ocids.mint(HttpMonitor.kind)
    fields = {name: getattr(details, name) for name in type(details).model_fields}
    return cloud.store.put(
        HttpMonitor(
            **{
                "vantage_point_names": [VANTAGE_POINT],
                **{name: value for name, value in fields.items() if value is not None},
            },
            id=ocid,
            results_url=f"{cloud.home.endpoint}/{SERVICE.version}/httpProbeResults/{ocid}",
            time_created=cloud.now(),
        )
    )


def _update(cloud: Cloud, monitor: HttpMonitor, details: UpdateHttpMonitorDetails) -> HttpMonitor:
    _check(details)
    return resources.update(cloud, monitor, details)


def _check(details: UpdateHttpMonitorDetails) -> None:
    if details.protocol is not None and details.protocol not in _PORTS:
        raise errors.invalid_parameter(f"protocol {details.protocol} is neither HTTP nor HTTPS.")
    if details.method is not None and details.method not in {HTTPMethod.GET, HTTPMethod.HEAD}:
        raise errors.invalid_parameter(f"method {details.method} is neither GET nor HEAD.")
    interval, patience = details.interval_in_seconds, details.timeout_in_seconds
    if interval is not None and interval not in _INTERVALS:
        raise errors.invalid_parameter(f"intervalInSeconds {interval} is none of {_INTERVALS}.")
    if interval and patience and patience > interval:
        raise errors.invalid_parameter("timeoutInSeconds exceeds intervalInSeconds.")
    if details.path is not None and not details.path.startswith("/"):
        raise errors.invalid_parameter(f"path {details.path!r} does not begin with a slash.")
    for name in details.vantage_point_names or ():
        if name != VANTAGE_POINT:
            raise errors.invalid_parameter(
                f"Vantage point {name} is not modelled; this computer is {VANTAGE_POINT}."
            )


def _move(cloud: Cloud, monitor: HttpMonitor, details: ChangeCompartmentDetails) -> None:
    resources.known_compartment(cloud, details.compartment_id)
    cloud.store.put(monitor.changed(compartment_id=details.compartment_id))


def probe_due(cloud: Cloud) -> None:
    """Probe the targets of each enabled monitor whose interval is over, and keep the results."""
    now = time.monotonic()
    due = [
        monitor
        for monitor in cloud.store.find(HttpMonitor)
        if monitor.is_enabled
        and now - _last_probes.get(monitor.id, -1e9)
        > monitor.interval_in_seconds - _TICK_SECONDS / 2
    ]
    if not due:
        return
    _last_probes.update(dict.fromkeys((monitor.id for monitor in due), now))
    probes = [(monitor, target) for monitor in due for target in monitor.targets]
    with ThreadPoolExecutor(len(probes)) as side_by_side:
        for points in side_by_side.map(lambda pair: _probed(cloud, *pair), probes):
            cloud.points.add(points)


def _probed(cloud: Cloud, monitor: HttpMonitor, target: str) -> list[Point]:
    """Send a request to a target; return the points of its result."""
    # the start of the API server, which `make up` waits for, needs no HTTP client
    import httpx  # noqa: PLC0415

    port = monitor.port or _PORTS[monitor.protocol]
    url = f"{monitor.protocol.lower()}://{target}:{port}{monitor.path}"
    began, problem = time.monotonic(), ""
    try:
        trusted = _trusted(cloud) if monitor.protocol == "HTTPS" else False
        patience = monitor.timeout_in_seconds
        with httpx.Client(trust_env=False, timeout=patience, verify=trusted) as client:
            answer = client.request(monitor.method, url, headers=monitor.headers)
        if answer.status_code not in _HEALTHY:
            problem = f"HTTP {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        problem = type(error).__name__
    dimensions = {
        "resourceId": monitor.id,
        "resourceDisplayName": monitor.display_name,
        "target": target,
        "protocol": monitor.protocol,
        "vantagePoint": VANTAGE_POINT,
        **({"errorMessage": problem} if problem else {}),
    }
    values = {
        "HTTP.isHealthy": 0.0 if problem else 1.0,
        "HTTP.TotalDuration": (time.monotonic() - began) * 1000,
    }
    return [
        Point(
            compartment=monitor.compartment_id,
            namespace=NAMESPACE,
            name=name,
            dimensions=dimensions,
            at=cloud.now().timestamp(),
            value=value,
        )
        for name, value in values.items()
    ]


def _trusted(cloud: Cloud) -> ssl.SSLContext:
    """Trust the CAs of this computer, and the cloud's own."""
    trusted = ssl.create_default_context()
    if (roots := cloud.machines.authority.roots_file).exists():
        trusted.load_verify_locations(roots)
    return trusted


SERVICE = Service(
    title="Health Checks", version="20180501", clients=("oci_health_checks.HealthChecksClient",)
)
RESOURCE_TYPE = ResourceType(
    resource=HttpMonitor,
    operations=(
        creates(
            "CreateHttpMonitor", "/httpMonitors", HttpMonitor, CreateHttpMonitorDetails, _create
        ),
        lists(
            "ListHttpMonitors",
            "/httpMonitors",
            HttpMonitor,
            ("compartmentId", "displayName"),
            sort_keys=("DISPLAYNAME",),
        ),
        reads("GetHttpMonitor", "/httpMonitors/{monitorId}", HttpMonitor),
        updates(
            "UpdateHttpMonitor",
            "/httpMonitors/{monitorId}",
            HttpMonitor,
            UpdateHttpMonitorDetails,
            _update,
        ),
        acts(
            "ChangeHttpMonitorCompartment",
            "/httpMonitors/{monitorId}/actions/changeCompartment",
            HttpMonitor,
            ChangeCompartmentDetails,
            _move,
        ),
        deletes(
            "DeleteHttpMonitor",
            "/httpMonitors/{monitorId}",
            HttpMonitor,
            lambda cloud, monitor: cloud.store.remove(monitor.id),
        ),
    ),
    recurring=Recurring(seconds=_TICK_SECONDS, work=probe_due),
    limits="""
        - The only vantage point is this computer. Its probes are real; their metrics are
          `HTTP.isHealthy` and `HTTP.TotalDuration`.
        - Ping monitors, single probes and their results are refused.
    """,
)
