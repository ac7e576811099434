"""The load balancer that a Service asks for, as Oracle's cloud controller reads it.

Source: https://github.com/oracle/oci-cloud-controller-manager, docs/load-balancer-annotations.md
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from localcloud.services.load_balancer import parts
from localcloud.services.load_balancer.load_balancer import SHAPE, ShapeDetails

_LB = "service.beta.kubernetes.io/oci-load-balancer-"
_OCI = "oci.oraclecloud.com/"
_RULES = (f"{_LB}security-list-management-mode", f"{_OCI}security-rule-management-mode")
_MODELLED = frozenset(
    {
        *_RULES,
        *(f"{_LB}{name}" for name in ("internal", "shape", "shape-flex-min", "shape-flex-max")),
        *(f"{_LB}health-check-{name}" for name in ("retries", "timeout", "interval")),
        *(f"{_LB}{name}" for name in ("subnet1", "connection-idle-timeout", "backend-protocol")),
        *(f"{_LB}{name}" for name in ("ssl-ports", "tls-secret")),
        f"{_OCI}load-balancer-type",
        f"{_OCI}loadbalancer-policy",
        f"{_OCI}oci-network-security-groups",
        f"{_OCI}initial-freeform-tags-override",
    }
)
_KUBE_PROXY_PORT = 10256
# kube-proxy has the health of a node at this path, as of a Service with the policy Local
_HEALTH_PATH = "/healthz"
_MBPS = (10, 8000)
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
_LEAVING = "ToBeDeletedByClusterAutoscaler"


class PlanError(Exception):
    """The Service asks for something that can't be had; the text says what, and the way out."""


@dataclass(frozen=True, kw_only=True)
class BalancerPlan:
    """The load balancer of a Service. Its certificate is named by the secret that has it."""

    is_private: bool
    shape: ShapeDetails
    subnet_id: str
    nsg_ids: list[str]
    reserved_ip: str | None
    tags: dict[str, str]
    backend_sets: dict[str, parts.BackendSet]
    listeners: dict[str, parts.Listener]
    secret: tuple[str, str] | None  # namespace and name


def plan(
    service: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], default_subnet: str | None
) -> BalancerPlan:
    """Return the load balancer for a Service and the nodes of its cluster; raises PlanError."""
    notes = dict(service["metadata"].get("annotations") or {})
    _check(notes, service["spec"])
    try:
        return _plan(service, notes, sorted(filter(None, map(_address, nodes))), default_subnet)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise PlanError(f"{place} {problem['input']!r}: {problem['msg']}.") from error


def _plan(
    service: Mapping[str, Any],
    notes: Mapping[str, Any],
    addresses: Sequence[str],
    default_subnet: str | None,
) -> BalancerPlan:
    spec = service["spec"]
    secret = _secret(notes, service["metadata"]["namespace"])
    tls_ports = _words(notes.get(f"{_LB}ssl-ports", ""))
    if tls_ports and secret is None:
        raise PlanError(f"{_LB}ssl-ports needs {_LB}tls-secret, the name of a TLS secret.")
    subnet_id = notes.get(f"{_LB}subnet1") or default_subnet
    if subnet_id is None:
        raise PlanError(f"Name the subnet of the load balancer: {_LB}subnet1")
    protocol: Any = notes.get(f"{_LB}backend-protocol") or "TCP"
    checker = _health_checker(notes, spec)
    backend_sets, listeners = {}, {}
    for port in spec["ports"]:
        number = port["port"]
        set_name, name = f"{port['protocol']}-{number}", f"{protocol}-{number}"
        backend_sets[set_name] = parts.BackendSet(
            name=set_name,
            policy=notes.get(f"{_OCI}loadbalancer-policy") or "ROUND_ROBIN",
            backends=[
                parts.backend(parts.BackendDetails(ip_address=each, port=port["nodePort"]))
                for each in addresses
            ],
            health_checker=checker,
        )
        certificate = secret[1] if secret and str(number) in tls_ports else None
        listeners[name] = parts.Listener(
            name=name,
            default_backend_set_name=set_name,
            port=number,
            protocol=protocol,
            ssl_configuration=parts.SSLConfiguration(certificate_name=certificate)
            if certificate
            else None,
            connection_configuration=_connections(notes),
        )
    return BalancerPlan(
        is_private=notes.get(f"{_LB}internal") == "true",
        shape=_shape(notes),
        subnet_id=subnet_id,
        nsg_ids=_words(notes.get(f"{_OCI}oci-network-security-groups", "")),
        reserved_ip=spec.get("loadBalancerIP") or None,
        tags=_tags(notes),
        backend_sets=backend_sets,
        listeners=listeners,
        secret=secret if tls_ports else None,
    )


def _connections(notes: Mapping[str, str]) -> parts.ConnectionConfiguration | None:
    seconds = _number(notes, "connection-idle-timeout", 0)
    return parts.ConnectionConfiguration(idle_timeout=seconds) if seconds else None


def _check(notes: Mapping[str, str], spec: Mapping[str, Any]) -> None:
    for name in sorted(notes):
        if name.startswith((_LB, _OCI)) and name not in _MODELLED:
            raise PlanError(f"The emulated cloud controller does not model the annotation {name}.")
    if notes.get(f"{_OCI}load-balancer-type", "lb") != "lb":
        raise PlanError(f"Network load balancers are not modelled: {_OCI}load-balancer-type is lb.")
    if "None" not in {notes.get(name) for name in _RULES}:
        raise PlanError(
            f"The emulated cloud controller writes no security rules. Set {_RULES[0]} to None, and "
            "let the load balancer reach the nodes' ports by rules of your own."
        )
    if spec.get("sessionAffinity", "None") != "None":
        raise PlanError("sessionAffinity must be None.")
    if spec.get("loadBalancerSourceRanges"):
        raise PlanError("loadBalancerSourceRanges has no effect with security rules of your own.")
    if other := [port for port in spec["ports"] if port["protocol"] != "TCP"]:
        raise PlanError(f"Port {other[0]['port']}: the protocol {other[0]['protocol']} is not TCP.")


def _health_checker(notes: Mapping[str, str], spec: Mapping[str, Any]) -> parts.HealthChecker:
    port = spec.get("healthCheckNodePort") or _KUBE_PROXY_PORT
    return parts.HealthChecker(
        protocol="HTTP",
        url_path=_HEALTH_PATH,
        port=port,
        retries=_number(notes, "health-check-retries", 3),
        timeout_in_millis=_number(notes, "health-check-timeout", 3000),
        interval_in_millis=_number(notes, "health-check-interval", 10_000),
        is_force_plain_text=False,
    )


def _shape(notes: Mapping[str, str]) -> ShapeDetails:
    names = [f"{_LB}shape-flex-{end}" for end in ("min", "max")]
    if notes.get(f"{_LB}shape", "100Mbps").lower() != SHAPE or not all(map(notes.get, names)):
        raise PlanError(
            f"Only flexible load balancers are modelled. Set {_LB}shape to {SHAPE}, and "
            f"{' and '.join(names)} to Mbps, such as 10."
        )
    low, high = (
        min(max(_number(notes, f"shape-flex-{end}", 0), _MBPS[0]), _MBPS[1])
        for end in ("min", "max")
    )
    return ShapeDetails(minimum_bandwidth_in_mbps=low, maximum_bandwidth_in_mbps=max(low, high))


def _secret(notes: Mapping[str, str], namespace: str) -> tuple[str, str] | None:
    named = notes.get(f"{_LB}tls-secret")
    if not named:
        return None
    first, slash, last = named.partition("/")
    return (first, last) if slash else (namespace, named)


def _tags(notes: Mapping[str, str]) -> dict[str, str]:
    name = f"{_OCI}initial-freeform-tags-override"
    try:
        tags = json.loads(notes.get(name) or "{}")
    except ValueError as error:
        raise PlanError(f"{name} is no JSON: {error}.") from error
    return {str(key): str(value) for key, value in tags.items()}


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word for word in text.replace(" ", "").split(",") if word))


def _number(notes: Mapping[str, str], name: str, default: int) -> int:
    text = notes.get(f"{_LB}{name}")
    if not text:
        return default
    if not text.isdecimal():
        raise PlanError(f"{_LB}{name} '{text}' is no number.")
    return int(text)


def _address(node: Mapping[str, Any]) -> str | None:
    """Return the private address of a node that gets requests; None for one that is leaving.

    A node that is not Ready, or is cordoned, keeps its place: the health check decides about it.
    """
    metadata, taints = node["metadata"], node["spec"].get("taints") or ()
    is_leaving = metadata.get("deletionTimestamp") or EXCLUDED in (metadata.get("labels") or {})
    if is_leaving or any(taint["key"] == _LEAVING for taint in taints):
        return None
    addresses = node.get("status", {}).get("addresses") or ()
    internal = [each["address"] for each in addresses if each["type"] == "InternalIP"]
    return internal[0] if internal else None
