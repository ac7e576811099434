"""The dashboard of a host: panels with queries, as vmui of VictoriaMetrics reads them from files.

https://github.com/VictoriaMetrics/VictoriaMetrics/tree/master/app/vmui#predefined-dashboards
The queries are in MetricsQL: `rate` without a window takes the distance of the picture's points,
and `increase` counts the first value of a new series as well.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OBJECTIVE = 0.999  # the share of requests in 30 days that get an answer other than 5xx
_WIDTH = 4  # of a panel; a row has 12
# probes of the supervisor, the health gate and the monitor are no requests of users
_USERS = 'route!~"/healthz|/readyz|/metrics"'
_REQUESTS = f"auth_http_requests_total{{{_USERS}"
_SECONDS = f"auth_http_request_seconds_bucket{{{_USERS}}}"
# The proxy's count has the answers that it gives in place of a service that is down. Each handler
# on the way of a request counts it; the first handler counts all.
_PROXY = "caddy_http_request_duration_seconds_count"
_FAILED = '{code=~"5.."}'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel with a curve for each result of its queries; `{{label}}` in a name is its value."""

    title: str
    text: str
    unit: str
    curves: Mapping[str, str]  # queries by name


def _share_of_errors(errors: str, requests: str) -> str:
    return f"100 * ({errors} default 0) / {requests}"


def _by_proxy(labels: str, window: str) -> str:
    return f"max(sum(increase({_PROXY}{labels}[{window}])) by (handler))"


def _percentile(share: float) -> str:
    return f"1000 * histogram_quantile({share}, sum(increase({_SECONDS}[5m])) by (le))"


_OF_MONTH = _share_of_errors(_by_proxy(_FAILED, "30d"), _by_proxy("", "30d"))
PANELS = (
    Panel(
        title="Requests",
        text="Requests a second by the class of their status, without probes.",
        unit="/s",
        curves={
            "{{class}}": f'sum(label_replace(rate({_REQUESTS}}}), "class", "${{1}}xx", "status", '
            '"(.).*")) by (class)'
        },
    ),
    Panel(
        title="Errors",
        text="The share of answers of 5xx in five minutes: by the service itself, and by the "
        "proxy, which answers for a service that is down.",
        unit="%",
        curves={
            "service": _share_of_errors(
                f'sum(increase({_REQUESTS}, status=~"5.."}}[5m]))',
                f"sum(increase({_REQUESTS}}}[5m]))",
            ),
            "proxy": _share_of_errors(_by_proxy(_FAILED, "5m"), _by_proxy("", "5m")),
        },
    ),
    Panel(
        title="Latency",
        text="Percentiles of five minutes, of the time from a request's head to its answer's end.",
        unit="ms",
        curves={name: _percentile(share) for name, share in (("p50", 0.5), ("p95", 0.95))}
        | {"p99": _percentile(0.99)},
    ),
    Panel(
        title="Log-ins",
        text="Log-ins of five minutes by outcome, and attempts that a limit refused.",
        unit="",
        curves={
            "{{outcome}}": "sum(increase(auth_logins_total[5m])) by (outcome)",
            "refused by a limit": "sum(increase(auth_rate_limited_total"
            '{limit=~"login|login_account"}[5m])) default 0',
        },
    ),
    Panel(
        title="Hash queue",
        text="Passwords that are being hashed or wait for it. A queue that stays long is an attack "
        "or a machine that is too small.",
        unit="",
        curves={"{{service}}": "max(auth_hash_queue_length) by (service)"},
    ),
    Panel(
        title="Error budget of the month",
        text=f"The rest of the budget: of the requests of 30 days, {100 * (1 - OBJECTIVE):.1f} % "
        "may fail with 5xx at the proxy. Below 0 the month's objective is missed.",
        unit="%",
        curves={"left": f"100 - {_OF_MONTH} / {1 - OBJECTIVE:.4g}"},
    ),
    Panel(
        title="Memory",
        text="The used share of the VM's memory, and of the limit of each service's container.",
        unit="%",
        curves={
            "VM": "auth_host_memory_percent",
            "container of {{service}}": "auth_host_container_memory_percent",
        },
    ),
    Panel(
        title="Disks",
        text="The used share of each disk.",
        unit="%",
        curves={"{{disk}}": "auth_host_disk_percent"},
    ),
    Panel(
        title="Releases",
        text="The number of the live release. A step up is a release or a rollback; a step down "
        "is a release that failed in its watch.",
        unit="",
        curves={"{{service}}": "auth_host_release"},
    ),
    Panel(
        title="Age of the backup",
        text="Seconds since the database was last copied to the bucket.",
        unit="s",
        curves={"{{service}}": "auth_host_backup_seconds"},
    ),
    Panel(
        title="Certificate",
        text="Days until the certificate ends.",
        unit="days",
        curves={"{{service}}": "auth_host_certificate_days"},
    ),
    Panel(
        title="Up",
        text="1 while the service answers through the proxy, and while the metrics of a part can "
        "be read.",
        unit="",
        curves={
            "{{service}} through the proxy": "auth_host_service_up",
            "metrics of {{job}} {{service}}": "up",
        },
    ),
)


def files() -> dict[str, str]:
    """Return the texts of the dashboards' files by name."""
    # vmui shows the panels of a dashboard's first row at once, and hides the panels of the others
    document = {
        "title": "Server and service",
        "rows": [{"title": "Server and service", "panels": [*map(_panel, PANELS)]}],
    }
    return {"server.json": json.dumps(document, indent=2)}


def _panel(panel: Panel) -> Mapping[str, Any]:
    return {
        "title": panel.title,
        "description": panel.text,
        "unit": panel.unit,
        "expr": [*panel.curves.values()],
        "alias": [*panel.curves],
        "showLegend": True,
        "width": _WIDTH,
    }
