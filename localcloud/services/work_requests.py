"""The Work Requests service: the progress of an operation that takes a while.

`tracked` and `moves` make operations that begin a work request.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeVar, cast

from pydantic import AwareDatetime

from localcloud import ocids, resources
from localcloud.api import wire
from localcloud.api.operation import Call, Operation, Reply, lists, reads
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud
from localcloud.resources import ChangeCompartmentDetails, LifecycleResource
from localcloud.service import ResourceType, Service

R = TypeVar("R", bound=LifecycleResource)

HEADER = "opc-work-request-id"
_PROVIDER = "; terraform/"  # in the user agent of Oracle's provider, and of no other client
_NO_WORK_REQUESTS = ","  # an empty list as the provider reads it; it fails on an empty header
_WAIT_SECONDS = 120
_FAILED = frozenset({"TERMINATING", "TERMINATED"})


class WorkRequestResource(Details):
    """The resource that a work request is about."""

    action_type: Literal["CREATED", "UPDATED", "RELATED"]
    entity_type: str
    identifier: str
    entity_uri: str


class WorkRequest(Resource):
    """The progress of an operation on a resource."""

    kind: ClassVar[str] = "coreservicesworkrequest"
    title: ClassVar[str] = "Work Request"
    needs_others: ClassVar[bool] = False
    id: str
    compartment_id: str
    operation_type: str
    status: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"]
    resources: list[WorkRequestResource]
    percent_complete: float
    time_accepted: AwareDatetime
    time_started: AwareDatetime
    time_finished: AwareDatetime | None = None


class WorkRequestError(Details):
    """The reason of a failed work request."""

    code: str = "InternalError"
    message: str
    timestamp: AwareDatetime


def begin(
    cloud: Cloud,
    resource: LifecycleResource,
    *,
    operation: str,
    action: Literal["CREATED", "UPDATED"],
) -> WorkRequest:
    """Store a work request for an operation; it is done at once if the resource is not busy."""
    now = cloud.now()
    done = resource.lifecycle_state not in resource.busy
    return cloud.store.put(
        WorkRequest(
            id=ocids.mint(WorkRequest.kind),
            compartment_id=resource.compartment_id,
            operation_type=operation,
            status="SUCCEEDED" if done else "IN_PROGRESS",
            resources=[
                WorkRequestResource(
                    action_type=action,
                    entity_type=resource.kind,
                    identifier=resource.ocid,
                    entity_uri=f"/20160918/{resource.kind}s/{resource.ocid}",
                )
            ],
            percent_complete=100 if done else 0,
            time_accepted=now,
            time_started=now,
            time_finished=now if done else None,
        )
    )


def present(cloud: Cloud, request: WorkRequest) -> WorkRequest:
    """Return the work request as it is now: it ends when its resource is busy no longer."""
    if request.status != "IN_PROGRESS":
        return request
    resource = _resource(cloud, request)
    failed = resource is None or resource.lifecycle_state in _FAILED
    if resource is not None and not failed and resource.lifecycle_state in resource.busy:
        return request
    return cloud.store.put(
        request.changed(
            status="FAILED" if failed else "SUCCEEDED",
            percent_complete=100,
            time_finished=cloud.now(),
        )
    )


def _problems(cloud: Cloud, request: WorkRequest) -> list[WorkRequestError]:
    """Return the reason of a failed work request, as a list of a single error."""
    if request.status != "FAILED":
        return []
    resource = _resource(cloud, request)
    reason = (resource and resource.failure) or "the resource was terminated meanwhile"
    return [
        WorkRequestError(message=reason, timestamp=request.time_finished or request.time_started)
    ]


def _resource(cloud: Cloud, request: WorkRequest) -> LifecycleResource | None:
    (resource,) = request.resources
    kind = cast("type[LifecycleResource]", wire.of_kind(resource.entity_type))
    return cloud.store.look_up(kind, resource.identifier)


def tracked(
    operation: Operation, kind: type[LifecycleResource], action: Literal["CREATED", "UPDATED"]
) -> Operation:
    """Let an operation that answers a resource begin a work request, and name it in a header."""

    def answer(call: Call) -> Reply:
        store = call.cloud.store
        with store.transaction():
            reply = operation.answer(call)
            resource = store.get(kind, reply.body[wire.camel(kind.identifier)])
            request = begin(call.cloud, resource, operation=operation.name, action=action)
        return replace(reply, headers={**reply.headers, HEADER: request.id})

    return replace(operation, answer=answer)


def moves(
    name: str,
    path: str,
    kind: type[R],
    move: Callable[[Cloud, R, ChangeCompartmentDetails], R] = resources.move,
) -> Operation:
    """Move a resource to another compartment of the tenancy."""

    def answer(call: Call) -> Reply:
        details = wire.read(ChangeCompartmentDetails, call.body)
        store = call.cloud.store
        with store.transaction():
            resource = move(call.cloud, store.get(kind, call.target), details)
            request = begin(call.cloud, resource, operation=name, action="UPDATED")
        return Reply(status=202, headers={HEADER: request.id})

    return Operation(
        name=name,
        method="POST",
        path=f"{path}/actions/changeCompartment",
        answer=answer,
        fields=("compartmentId",),
    )


def for_caller(call: Call, reply: Reply, request_id: str) -> Reply:
    """Answer the official provider when the work is done, and name it no work request.

    The provider asks Oracle Cloud for a work request, even if its endpoints lead here. Services
    with work requests of their own are asked here.
    """
    store = call.cloud.store
    is_asked_elsewhere = store.look_up(WorkRequest, request_id) is not None
    if not is_asked_elsewhere or _PROVIDER not in call.headers.get("user-agent", ""):
        return reply
    deadline = time.monotonic() + (_WAIT_SECONDS if call.method == "PUT" else 0)
    while time.monotonic() < deadline:
        request = present(call.cloud, store.get(WorkRequest, request_id))
        if request.status != "IN_PROGRESS":
            break
        time.sleep(0.2)
    return replace(reply, headers={**reply.headers, HEADER: _NO_WORK_REQUESTS})


def _list(call: Call) -> Sequence[WorkRequest]:
    """List the work requests, all or for the parameter `resourceId`, newest first."""
    resource_id = call.query.get("resourceId")
    return [
        present(call.cloud, request)
        for request in reversed(call.cloud.store.find(WorkRequest))
        if resource_id in {None, request.resources[0].identifier}
    ]


def _list_errors(call: Call) -> Reply:
    request = present(call.cloud, call.cloud.store.get(WorkRequest, call.target))
    body: list[Any] = [problem.wire() for problem in _problems(call.cloud, request)]
    return Reply(body=body)


SERVICE = Service(
    title="Work Requests", version="20160918", clients=("oci_work_requests.WorkRequestClient",)
)
RESOURCE_TYPE = ResourceType(
    resource=WorkRequest,
    operations=(
        lists(
            "ListWorkRequests", "/workRequests", WorkRequest, (), find=_list, also=("resourceId",)
        ),
        reads("GetWorkRequest", "/workRequests/{workRequestId}", WorkRequest, present),
        Operation(
            name="ListWorkRequestErrors",
            method="GET",
            path="/workRequests/{workRequestId}/errors",
            answer=_list_errors,
            queries=frozenset({"limit", "page", "sortOrder"}),
        ),
    ),
)
