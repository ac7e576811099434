"""The operations of load balancers, and what can be chosen for one."""

from collections.abc import Sequence

from localcloud.api import paging, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, lists, reads
from localcloud.resources import known_compartment
from localcloud.service import ResourceType
from localcloud.services.load_balancer import (
    health,
    lifecycle,
    load_balancer,
    part_operations,
    parts,
)
from localcloud.services.load_balancer.load_balancer import (
    SHAPE,
    CreateLoadBalancerDetails,
    LoadBalancer,
    UpdateLoadBalancerDetails,
    UpdateLoadBalancerShapeDetails,
    UpdateNetworkSecurityGroupsDetails,
)
from localcloud.services.load_balancer.work_request import changes

_BALANCER = "/loadBalancers/{loadBalancerId}"


def _create(call: Call) -> LoadBalancer:
    return load_balancer.create(call.cloud, wire.read(CreateLoadBalancerDetails, call.body))


def _update(call: Call) -> LoadBalancer:
    details = wire.read(UpdateLoadBalancerDetails, call.body)
    return load_balancer.update(call.cloud, call.target, details)


def _update_shape(call: Call) -> LoadBalancer:
    details = wire.read(UpdateLoadBalancerShapeDetails, call.body)
    balancer = load_balancer.changeable(call.cloud, call.target)
    return call.cloud.store.put(balancer.changed(shape_details=details.shape_details))


def _update_groups(call: Call) -> LoadBalancer:
    details = wire.read(UpdateNetworkSecurityGroupsDetails, call.body)
    return load_balancer.update_groups(call.cloud, call.target, details)


def _delete(call: Call) -> LoadBalancer:
    return load_balancer.delete(call.cloud, call.target)


def _list(call: Call) -> Sequence[LoadBalancer]:
    return [load_balancer.present(call.cloud, each) for each in call.cloud.store.find(LoadBalancer)]


def _offers(name: str, path: str, names: Sequence[str]) -> Operation:
    """Return an operation that lists the names of what a load balancer may have."""

    def answer(call: Call) -> Reply:
        paging.check_required(call.cloud, call.query, ("compartmentId",))
        known_compartment(call.cloud, call.query["compartmentId"])
        return Reply(**paging.page([{"name": each} for each in names], call.query, {}, {}))

    queries = frozenset({"compartmentId", "limit", "page"})
    return Operation(name=name, method="GET", path=path, answer=answer, queries=queries)


RESOURCE_TYPE = ResourceType(
    resource=LoadBalancer,
    operations=(
        changes(
            "CreateLoadBalancer",
            "POST",
            "/loadBalancers",
            _create,
            body_fields(CreateLoadBalancerDetails),
        ),
        lists(
            "ListLoadBalancers",
            "/loadBalancers",
            LoadBalancer,
            ("compartmentId", "displayName", "lifecycleState"),
            find=_list,
            also=("detail",),
        ),
        reads("GetLoadBalancer", _BALANCER, LoadBalancer, load_balancer.present),
        changes(
            "UpdateLoadBalancer",
            "PUT",
            _BALANCER,
            _update,
            body_fields(UpdateLoadBalancerDetails),
        ),
        changes("DeleteLoadBalancer", "DELETE", _BALANCER, _delete),
        changes(
            "UpdateLoadBalancerShape",
            "PUT",
            f"{_BALANCER}/updateShape",
            _update_shape,
            body_fields(UpdateLoadBalancerShapeDetails),
        ),
        changes(
            "UpdateNetworkSecurityGroups",
            "PUT",
            f"{_BALANCER}/networkSecurityGroups",
            _update_groups,
            body_fields(UpdateNetworkSecurityGroupsDetails),
        ),
        *part_operations.OPERATIONS,
        *health.OPERATIONS,
        _offers("ListShapes", "/loadBalancerShapes", [SHAPE]),
        _offers("ListPolicies", "/loadBalancerPolicies", parts.POLICIES),
        _offers("ListProtocols", "/loadBalancerProtocols", parts.PROTOCOLS),
    ),
    steps=lifecycle.STEPS,
    recover=lifecycle.recover,
    limits="""
        - A load balancer is a container with the HAProxy of this computer's distribution, at a
          private address of its subnet. The rules of its subnet and its security groups decide
          about its clients; those of a backend's subnet about the load balancer. A change loses
          no request.
        - Clients from outside come from the gateway's address, in `X-Forwarded-For` as well.
        - A backend is reached at its private address: a machine of the same subnet, or in any
          subnet of the VCN a node of a cluster, as other machines have no route back.
        - Shapes are flexible, and their bandwidth limits nothing. A backend set without a listener
          is not checked. A new backend counts as healthy until its first check.
        - TLS ends at a listener, by TLS 1.2 and Oracle's default cipher suite. TLS to backends,
          certificates of clients, HTTP/2, host names, rule sets, routes by path, kept sessions by
          cookie, the PROXY protocol, IPv6 and pairs of subnets are refused.
    """,
)
