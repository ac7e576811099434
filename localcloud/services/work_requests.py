"""Operations of the Work Requests service, and what makes an operation start one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from localcloud.api import wire
from localcloud.api.operation import Call, Operation, Reply, lists, reads
from localcloud.api.wire import Record
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services import work_request_model as work_request
from localcloud.services.resources import ChangeCompartmentDetails, Resource
from localcloud.services.work_request_model import WorkRequest

R = TypeVar("R", bound=Resource)

HEADER = "opc-work-request-id"
_PROVIDER = "; terraform/"  # in its user agent, and in no other one of Oracle's
_NONE = ","  # a list of none, which the provider takes; it fails on an empty one
_WAIT_SECONDS = 120


def tracked(
    operation: Operation, kind: type[Resource], action: Literal["CREATED", "UPDATED"]
) -> Operation:
    """Let an operation that answers a resource name the work request that it started."""

    def answer(call: Call) -> Reply:
        store = call.cloud.store
        with store.transaction():
            reply = operation.answer(call)
            begun = work_request.begin(
                call.cloud,
                store.get(kind, reply.body["id"]),
                operation=operation.name,
                action=action,
            )
        return replace(reply, headers={**reply.headers, HEADER: begun.id})

    return replace(operation, answer=answer)


def moves(
    name: str,
    path: str,
    kind: type[R],
    move: Callable[[Cloud, R, ChangeCompartmentDetails], R] = resource.move,
) -> Operation:
    """Move a resource to another compartment of the tenancy."""

    def answer(call: Call) -> Reply:
        wish = wire.read(ChangeCompartmentDetails, call.body)
        (ocid,) = call.path.values()
        store = call.cloud.store
        with store.transaction():
            moved = move(call.cloud, store.get(kind, ocid), wish)
            begun = work_request.begin(call.cloud, moved, operation=name, action="UPDATED")
        return Reply(status=202, headers={HEADER: begun.id})

    return Operation(
        name=name,
        method="POST",
        path=f"{path}/actions/changeCompartment",
        answer=answer,
        fields=("compartmentId",),
    )


def for_caller(call: Call, reply: Reply, request_id: str) -> Reply:
    """Answer the official provider when the work is done, and name it no work request.

    It would ask Oracle Cloud for it, whatever endpoints it was given.
    """
    if _PROVIDER not in call.headers.get("user-agent", ""):
        return reply
    deadline = time.monotonic() + (_WAIT_SECONDS if call.method == "PUT" else 0)
    store = call.cloud.store
    while time.monotonic() < deadline:
        request = work_request.present(call.cloud, store.get(WorkRequest, request_id))
        if request.status != "IN_PROGRESS":
            break
        time.sleep(0.2)
    return replace(reply, headers={**reply.headers, HEADER: _NONE})


def _of_resource(call: Call) -> Sequence[Record]:
    """List the work requests, all or those of one resource, newest first."""
    resource = call.query.get("resourceId")
    return [
        work_request.present(call.cloud, request)
        for request in reversed(call.cloud.store.find(WorkRequest))
        if resource in {None, request.resources[0].identifier}
    ]


def _errors(call: Call) -> Reply:
    request = call.cloud.store.get(WorkRequest, call.path["workRequestId"])
    shown = work_request.present(call.cloud, request)
    body: list[Any] = [problem.wire() for problem in work_request.problems(call.cloud, shown)]
    return Reply(body=body)


OPERATIONS = (
    lists(
        "ListWorkRequests",
        "/workRequests",
        WorkRequest,
        (),
        find=_of_resource,
        also=("resourceId",),
    ),
    reads("GetWorkRequest", "/workRequests/{workRequestId}", WorkRequest, work_request.present),
    Operation(
        name="ListWorkRequestErrors",
        method="GET",
        path="/workRequests/{workRequestId}/errors",
        answer=_errors,
        queries=frozenset({"limit", "page", "sortOrder"}),
    ),
)
