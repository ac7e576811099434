"""The load balancer that a Service asks for by its annotations."""

from typing import Any

import pytest

from localcloud.services.container_engine import balancer_plan
from localcloud.services.container_engine.balancer_plan import PlanError

LB = "service.beta.kubernetes.io/oci-load-balancer-"
OCI = "oci.oraclecloud.com/"
NOTES = {
    f"{LB}shape": "flexible",
    f"{LB}shape-flex-min": "10",
    f"{LB}shape-flex-max": "10",
    f"{LB}subnet1": "subnet",
    f"{LB}security-list-management-mode": "None",
}


def service(**notes: str | None) -> dict[str, Any]:
    """Return a Service; a note's name has its own prefix, None takes one away."""
    annotations = {**NOTES, **notes}
    return {
        "metadata": {
            "namespace": "auth",
            "annotations": {key: text for key, text in annotations.items() if text is not None},
        },
        "spec": {"ports": [{"protocol": "TCP", "port": 443, "nodePort": 30443}]},
    }


def node(address: str, **fields: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": address, **fields.pop("metadata", {})},
        "spec": fields,
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def test_a_service_without_annotations_of_its_own_is_served_by_tcp() -> None:
    made = balancer_plan.plan(service(), [node("10.0.1.4"), node("10.0.1.3")], None)
    (listener,) = made.listeners.values()
    assert (listener.name, listener.protocol, listener.ssl_configuration) == (
        "TCP-443",
        "TCP",
        None,
    )
    checker = made.backend_sets["TCP-443"].health_checker
    assert (checker.port, checker.url_path) == (10256, "/healthz")
    names = [each.name for each in made.backend_sets["TCP-443"].backends]
    assert names == ["10.0.1.3:30443", "10.0.1.4:30443"]


@pytest.mark.parametrize(
    "leaving",
    [
        node("10.0.1.4", metadata={"labels": {balancer_plan.EXCLUDED: "true"}}),
        node("10.0.1.4", metadata={"deletionTimestamp": "2026-11-28T00:00:00Z"}),
        node("10.0.1.4", taints=[{"key": "ToBeDeletedByClusterAutoscaler"}]),
    ],
)
def test_a_node_that_is_leaving_is_no_backend(leaving: dict[str, Any]) -> None:
    made = balancer_plan.plan(service(), [node("10.0.1.3", unschedulable=True), leaving], None)
    assert [each.ip_address for each in made.backend_sets["TCP-443"].backends] == ["10.0.1.3"]


def test_a_secret_is_of_the_services_own_namespace_unless_it_names_another() -> None:
    for named, found in (("web", ("auth", "web")), ("tls/web", ("tls", "web"))):
        made = balancer_plan.plan(
            service(**{f"{LB}ssl-ports": "443", f"{LB}tls-secret": named}), [], None
        )
        tls = made.listeners["TCP-443"].ssl_configuration
        assert made.secret == found
        assert tls is not None
        assert tls.certificate_name == "web"


@pytest.mark.parametrize(
    ("note", "text", "why"),
    [
        (f"{LB}security-list-management-mode", None, "writes no security rules"),
        (f"{LB}shape", "100Mbps", "Only flexible"),
        (f"{LB}shape-flex-max", None, "shape-flex-max"),
        (f"{LB}subnet1", None, "Name the subnet"),
        (f"{LB}subnet2", "other", "does not model the annotation"),
        (f"{LB}ssl-ports", "443", "needs .*tls-secret"),
        (f"{LB}health-check-retries", "often", "'often' is no number"),
        (f"{LB}health-check-interval", "10", "interval_in_millis 10"),
        (f"{LB}backend-protocol", "GRPC", "protocol 'GRPC'"),
        (f"{OCI}load-balancer-type", "nlb", "Network load balancers"),
        (f"{OCI}loadbalancer-policy", "RANDOM", "policy 'RANDOM'"),
        (f"{OCI}initial-freeform-tags-override", "{", "no JSON"),
    ],
)
def test_what_can_not_be_had_is_named(note: str, text: str | None, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        balancer_plan.plan(service(**{note: text}), [], None)
