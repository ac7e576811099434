"""The health of a load balancer's parts, by the checks of its HAProxy.

Source: https://docs.oracle.com/en-us/iaas/Content/Balance/Tasks/viewinghealthchecks.htm
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from localcloud.api import errors
from localcloud.api.operation import Call, Operation, Reply
from localcloud.cloud import Cloud
from localcloud.machines.docker import DockerError
from localcloud.services.load_balancer import haproxy
from localcloud.services.load_balancer.load_balancer import LoadBalancer
from localcloud.services.load_balancer.parts import BackendSet

# HAProxy's results of a check, https://docs.haproxy.org/2.6/management.html#9.1
_RESULTS = {
    "L4OK": "OK",
    "L6OK": "OK",
    "L7OK": "OK",
    "L7OKC": "OK",
    "L4TOUT": "TIMED_OUT",
    "L6TOUT": "TIMED_OUT",
    "L7TOUT": "TIMED_OUT",
    "L4CON": "CONNECT_FAILED",
    "L7STS": "INVALID_STATUS_CODE",
    "L7RSP": "IO_ERROR",
    "SOCKERR": "IO_ERROR",
}


def _backends(cloud: Cloud, balancer: LoadBalancer, backend_set: BackendSet) -> dict[str, str]:
    """Return the result of the last check of each backend; UNKNOWN without a listener."""
    unknown = {each.name: "UNKNOWN" for each in backend_set.backends}
    protocols = [
        each.protocol
        for each in balancer.listeners.values()
        if each.default_backend_set_name == backend_set.name
    ]
    if not protocols or balancer.lifecycle_state not in {"ACTIVE", "UPDATING"}:
        return unknown
    try:
        rows = cloud.machines.balancers.statistics(balancer.id)
    except DockerError:
        return unknown
    name = haproxy.backend_name(backend_set.name, protocols[0])
    results = {row["svname"]: _result(row) for row in rows if row["pxname"] == name}
    return {server: results.get(server, "UNKNOWN") for server in unknown}


def _result(row: Mapping[str, str]) -> str:
    if row["status"].startswith("MAINT"):
        return "OFFLINE"
    # a star is before the result while the next check runs
    result = _RESULTS.get(row["check_status"].removeprefix("* "), "UNKNOWN")
    # one bad result is not enough to take a backend out, and one good result not to take it back
    is_up = row["status"].startswith(("UP", "DRAIN"))
    return result if (result == "OK") == is_up or result == "UNKNOWN" else f"{result} SOON"


def _status(result: str) -> str:
    if result.endswith(" SOON"):
        return "WARNING"
    return result if result in {"OK", "UNKNOWN"} else "CRITICAL"


def _of_a_set(statuses: Collection[str], has_listener: bool) -> str:
    count = Counter(statuses)
    if not has_listener or count["UNKNOWN"] * 2 > len(statuses):
        return "UNKNOWN"
    if count["OK"] == len(statuses):
        return "OK"
    return "WARNING" if count["OK"] * 2 >= len(statuses) else "CRITICAL"


def _set_health(cloud: Cloud, balancer: LoadBalancer, backend_set: BackendSet) -> dict[str, Any]:
    statuses = {
        name: _status(result) for name, result in _backends(cloud, balancer, backend_set).items()
    }
    used = {each.default_backend_set_name for each in balancer.listeners.values()}
    return {
        "status": _of_a_set(statuses.values(), backend_set.name in used),
        **_named(statuses, "Backend"),
        "totalBackendCount": len(statuses),
    }


def _named(statuses: Mapping[str, str], what: str) -> dict[str, Sequence[str]]:
    return {
        f"{status.lower()}State{what}Names": [
            name for name, each in statuses.items() if each == status
        ]
        for status in ("WARNING", "CRITICAL", "UNKNOWN")
    }


def set_of(call: Call) -> tuple[LoadBalancer, BackendSet]:
    """Return the load balancer and the backend set that a path names, or answer 404."""
    balancer = call.cloud.store.get(LoadBalancer, call.path["loadBalancerId"])
    name = call.path["backendSetName"]
    if name not in balancer.backend_sets:
        raise errors.not_found()
    return balancer, balancer.backend_sets[name]


def _get_set_health(call: Call) -> Reply:
    return Reply(body=_set_health(call.cloud, *set_of(call)))


def _get_backend_health(call: Call) -> Reply:
    balancer, backend_set = set_of(call)
    results = _backends(call.cloud, balancer, backend_set)
    name = call.path["backendName"]
    if name not in results:
        raise errors.not_found()
    check = {
        "subnetId": balancer.subnet_ids[0],
        "sourceIpAddress": balancer.private_ip,
        "timestamp": call.cloud.now().isoformat().replace("+00:00", "Z"),
        "healthCheckStatus": results[name].removesuffix(" SOON"),
    }
    return Reply(body={"status": _status(results[name]), "healthCheckResults": [check]})


def _get_health(call: Call) -> Reply:
    balancer = call.cloud.store.get(LoadBalancer, call.target)
    statuses = {
        name: str(_set_health(call.cloud, balancer, each)["status"])
        for name, each in balancer.backend_sets.items()
    }
    count = Counter(statuses.values())
    status = "OK"
    if not statuses or count["UNKNOWN"] * 2 > len(statuses):
        status = "UNKNOWN"
    if count["WARNING"]:
        status = "WARNING"
    if count["CRITICAL"]:
        status = "CRITICAL"
    return Reply(
        body={
            "status": status,
            **_named(statuses, "BackendSet"),
            "totalBackendSetCount": len(statuses),
        }
    )


_BALANCER = "/loadBalancers/{loadBalancerId}"
_SET = f"{_BALANCER}/backendSets/{{backendSetName}}"

OPERATIONS = (
    Operation(
        name="GetLoadBalancerHealth", method="GET", path=f"{_BALANCER}/health", answer=_get_health
    ),
    Operation(
        name="GetBackendSetHealth", method="GET", path=f"{_SET}/health", answer=_get_set_health
    ),
    Operation(
        name="GetBackendHealth",
        method="GET",
        path=f"{_SET}/backends/{{backendName}}/health",
        answer=_get_backend_health,
    ),
)
