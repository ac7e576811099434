"""The work requests of this service, which has its own: clients wait for them."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime

from localcloud import ocids
from localcloud.api import paging
from localcloud.api.operation import Call, Operation, Reply, describe
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud
from localcloud.service import ResourceType
from localcloud.services.psql.configuration import collection
from localcloud.services.psql.db_system import DbSystem
from localcloud.services.work_requests import HEADER, WorkRequestError

Action = Literal["CREATED", "UPDATED", "DELETED"]
_OVER = frozenset({"DELETED", "FAILED"})


class DbSystemWorkRequest(Resource):
    """The progress of an operation on a database system."""

    kind: ClassVar[str] = "postgresqlworkrequest"
    title: ClassVar[str] = "Work Request"
    needs_others: ClassVar[bool] = False
    hidden: ClassVar[frozenset[str]] = frozenset({"db_system_id", "action"})
    id: str
    compartment_id: str
    operation_type: str
    status: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"]
    percent_complete: float
    time_accepted: AwareDatetime
    time_started: AwareDatetime
    time_finished: AwareDatetime | None = None
    db_system_id: str
    action: Action


class DbSystemWorkRequestResource(Details):
    """The database system that a work request is about."""

    action_type: str
    entity_type: str = "postgresqldbsystem"
    identifier: str
    entity_uri: str


def begin(cloud: Cloud, system: DbSystem, operation: str, action: Action) -> dict[str, str]:
    """Store a work request, and return the header that names it."""
    now = cloud.now()
    request = cloud.store.put(
        DbSystemWorkRequest(
            id=ocids.mint(DbSystemWorkRequest.kind),
            compartment_id=system.compartment_id,
            operation_type=operation,
            status="IN_PROGRESS",
            percent_complete=0,
            time_accepted=now,
            time_started=now,
            db_system_id=system.id,
            action=action,
        )
    )
    return {HEADER: request.id}


def acted(
    name: str,
    method: str,
    path: str,
    act: Callable[[Call], DbSystem],
    action: Action,
    *,
    fields: tuple[str, ...] = (),
) -> Operation:
    """Return an operation that is answered by a work request, and a new system by itself too."""

    def answer(call: Call) -> Reply:
        with call.cloud.store.transaction():
            system = act(call)
            headers = begin(call.cloud, system, _OPERATION_TYPES[name], action)
        if action != "CREATED":
            return Reply(status=202, headers=headers)
        reply = describe(system)
        return Reply(status=201, body=reply.body, headers={**reply.headers, **headers})

    return Operation(name=name, method=method, path=path, answer=answer, fields=fields)


_OPERATION_TYPES = {
    "CreateDbSystem": "CREATE_DB_SYSTEM",
    "UpdateDbSystem": "UPDATE_DB_SYSTEM",
    "DeleteDbSystem": "DELETE_DB_SYSTEM",
    "ResetMasterUserPassword": "RESET_DB_SYSTEM_PASSWORD",
}


def present(cloud: Cloud, request: DbSystemWorkRequest) -> DbSystemWorkRequest:
    """Return the work request as it is now: it ends when its system is busy no longer."""
    system = cloud.store.look_up(DbSystem, request.db_system_id)
    if request.status != "IN_PROGRESS" or (
        system is not None and system.lifecycle_state in DbSystem.busy
    ):
        return request
    is_over = system is None or system.lifecycle_state in _OVER
    as_wanted = is_over == (request.action == "DELETED")
    return cloud.store.put(
        request.changed(
            status="SUCCEEDED" if as_wanted else "FAILED",
            percent_complete=100,
            time_finished=cloud.now(),
        )
    )


def _wire(cloud: Cloud, request: DbSystemWorkRequest) -> dict[str, Any]:
    current = present(cloud, request)
    resource = DbSystemWorkRequestResource(
        action_type="IN_PROGRESS" if current.status == "IN_PROGRESS" else request.action,
        identifier=request.db_system_id,
        entity_uri=f"/20220915/dbSystems/{request.db_system_id}",
    )
    return {**current.wire(), "resources": [resource.wire()]}


def _get(call: Call) -> Reply:
    request = call.cloud.store.get(DbSystemWorkRequest, call.target)
    return Reply(body=_wire(call.cloud, request))


def _list(call: Call) -> Reply:
    resource_id = call.query.get("resourceId")
    items = [
        _wire(call.cloud, request)
        for request in reversed(call.cloud.store.find(DbSystemWorkRequest))
        if resource_id in {None, request.db_system_id}
    ]
    return collection(items, call, {"compartmentId": "compartmentId", "status": "status"})


def _list_errors(call: Call) -> Reply:
    request = present(call.cloud, call.cloud.store.get(DbSystemWorkRequest, call.target))
    system = call.cloud.store.look_up(DbSystem, request.db_system_id)
    reason = (system and system.lifecycle_details) or "the system was deleted meanwhile"
    at = request.time_finished or request.time_started
    failed = [WorkRequestError(message=reason, timestamp=at).wire()]
    return Reply(body={"items": failed if request.status == "FAILED" else []})


RESOURCE_TYPE = ResourceType(
    resource=DbSystemWorkRequest,
    operations=(
        Operation(
            name="ListWorkRequests",
            method="GET",
            path="/workRequests",
            answer=_list,
            queries=paging.PARAMETERS | {"compartmentId", "resourceId", "status"},
        ),
        Operation(
            name="GetWorkRequest", method="GET", path="/workRequests/{workRequestId}", answer=_get
        ),
        Operation(
            name="ListWorkRequestErrors",
            method="GET",
            path="/workRequests/{workRequestId}/errors",
            answer=_list_errors,
            queries=paging.PARAMETERS,
        ),
    ),
)
