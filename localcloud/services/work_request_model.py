"""Work requests: how a change that takes its time is going, asked for beside the resource."""

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime

from localcloud import ocids
from localcloud.api.wire import Details, Record
from localcloud.cloud import Cloud
from localcloud.services.core.instance import Instance
from localcloud.services.resources import Resource

_ON_ITS_WAY = frozenset({"PROVISIONING", "STARTING", "STOPPING", "TERMINATING"})


class WorkRequestResource(Details):
    action_type: Literal["CREATED", "UPDATED", "RELATED"]
    entity_type: str
    identifier: str
    entity_uri: str


class WorkRequest(Record):
    kind: ClassVar[str] = "coreservicesworkrequest"
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
    code: str
    message: str
    timestamp: AwareDatetime


def begin(
    cloud: Cloud, resource: Resource, *, operation: str, action: Literal["CREATED", "UPDATED"]
) -> WorkRequest:
    """Record what was asked of a resource; it is done if the resource rests."""
    now = cloud.now()
    done = not (isinstance(resource, Instance) and resource.lifecycle_state in _ON_ITS_WAY)
    return cloud.store.put(
        WorkRequest(
            id=ocids.mint("coreservicesworkrequest"),
            compartment_id=resource.compartment_id,
            operation_type=operation,
            status="SUCCEEDED" if done else "IN_PROGRESS",
            resources=[
                WorkRequestResource(
                    action_type=action,
                    entity_type=resource.kind,
                    identifier=resource.id,
                    entity_uri=f"/20160918/{resource.kind}s/{resource.id}",
                )
            ],
            percent_complete=100 if done else 0,
            time_accepted=now,
            time_started=now,
            time_finished=now if done else None,
        )
    )


def present(cloud: Cloud, request: WorkRequest) -> WorkRequest:
    """Return the work request as it stands: it ends when its instance arrives somewhere."""
    if request.status != "IN_PROGRESS":
        return request
    found = cloud.store.find(Instance, id=request.resources[0].identifier)
    if found and found[0].lifecycle_state in _ON_ITS_WAY - {"TERMINATING"}:
        return request
    arrived = bool(found) and found[0].lifecycle_state in {"RUNNING", "STOPPED"}
    return cloud.store.put(
        request.changed(
            status="SUCCEEDED" if arrived else "FAILED",
            percent_complete=100,
            time_finished=cloud.now(),
        )
    )


def problems(cloud: Cloud, request: WorkRequest) -> list[WorkRequestError]:
    """Return why a work request failed."""
    if request.status != "FAILED":
        return []
    (resource,) = request.resources
    found = cloud.store.find(Instance, id=resource.identifier)
    reason = (found[0].last_failure if found else None) or "the resource was terminated meanwhile"
    fields: dict[str, Any] = {"code": "InternalError", "message": reason}
    return [WorkRequestError(**fields, timestamp=request.time_finished or request.time_started)]
