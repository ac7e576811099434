"""The work requests of this service, which has its own: each change has one."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from localcloud import ocids
from localcloud.api.operation import Call, Operation, Reply, lists, once, reads
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud
from localcloud.service import ResourceType
from localcloud.services.load_balancer.load_balancer import LoadBalancer
from localcloud.services.work_requests import HEADER


class LoadBalancerWorkRequestError(Details):
    """The reason of a failure."""

    error_code: Literal["BAD_INPUT", "INTERNAL_ERROR"] = "INTERNAL_ERROR"
    message: str


class LoadBalancerWorkRequest(Resource):
    """The progress of an operation on a load balancer."""

    kind: ClassVar[str] = "loadbalancerworkrequest"
    title: ClassVar[str] = "Work Request of Load Balancing"
    needs_others: ClassVar[bool] = False
    id: str
    load_balancer_id: str
    type: str
    compartment_id: str
    lifecycle_state: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"]
    message: str
    time_accepted: AwareDatetime
    time_finished: AwareDatetime | None = None
    error_details: list[LoadBalancerWorkRequestError] = Field(default_factory=list)


def changes(
    name: str,
    method: str,
    path: str,
    act: Callable[[Call], LoadBalancer],
    fields: Sequence[str] = (),
) -> Operation:
    """Return an operation that changes a load balancer, and is answered by a work request."""

    def make(call: Call) -> LoadBalancerWorkRequest:
        balancer = act(call)
        return call.cloud.store.put(
            LoadBalancerWorkRequest(
                id=ocids.mint(LoadBalancerWorkRequest.kind),
                load_balancer_id=balancer.id,
                type=name,
                compartment_id=balancer.compartment_id,
                lifecycle_state="IN_PROGRESS",
                message="The operation is in progress.",
                time_accepted=call.cloud.now(),
            )
        )

    def answer(call: Call) -> Reply:
        with call.cloud.store.transaction():
            request = once(call, LoadBalancerWorkRequest, lambda: make(call))
        return Reply(status=204, headers={HEADER: request.id})

    return Operation(name=name, method=method, path=path, answer=answer, fields=tuple(fields))


def present(cloud: Cloud, request: LoadBalancerWorkRequest) -> LoadBalancerWorkRequest:
    """Return the work request as it is now: it ends when its load balancer is busy no longer."""
    balancer = cloud.store.get(LoadBalancer, request.load_balancer_id)
    if request.lifecycle_state != "IN_PROGRESS" or balancer.lifecycle_state in balancer.busy:
        return request
    why = balancer.failure if balancer.lifecycle_state == "FAILED" else None
    return cloud.store.put(
        request.changed(
            lifecycle_state="FAILED" if why else "SUCCEEDED",
            message=why or "OK",
            time_finished=cloud.now(),
            error_details=[LoadBalancerWorkRequestError(message=why)] if why else [],
        )
    )


def _list(call: Call) -> Sequence[LoadBalancerWorkRequest]:
    balancer = call.cloud.store.get(LoadBalancer, call.target)
    requests = call.cloud.store.find(LoadBalancerWorkRequest, load_balancer_id=balancer.id)
    return [present(call.cloud, request) for request in reversed(requests)]


RESOURCE_TYPE = ResourceType(
    resource=LoadBalancerWorkRequest,
    operations=(
        lists(
            "ListWorkRequests",
            "/loadBalancers/{loadBalancerId}/workRequests",
            LoadBalancerWorkRequest,
            (),
            required=(),
            find=_list,
            sort_keys=(),
        ),
        reads(
            "GetWorkRequest",
            "/loadBalancerWorkRequests/{workRequestId}",
            LoadBalancerWorkRequest,
            present,
        ),
    ),
)
