"""The work requests of Container Engine: the progress of a cluster's or node pool's operation."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, cast

from pydantic import AwareDatetime

from localcloud import ocids
from localcloud.api import wire
from localcloud.api.operation import Call, Operation, Reply, lists, reads
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud
from localcloud.resources import LifecycleResource
from localcloud.service import ResourceType
from localcloud.services.work_requests import HEADER, WorkRequestError

_PATHS = {"cluster": "clusters", "nodepool": "nodePools"}
_FAILED = frozenset({"FAILED", "NEEDS_ATTENTION"})
Action = Literal["CREATED", "UPDATED", "DELETED"]
_OPERATIONS: Mapping[Action, str] = {"CREATED": "CREATE", "UPDATED": "UPDATE", "DELETED": "DELETE"}


class ClustersWorkRequestResource(Details):
    """The resource that a work request is about."""

    action_type: Action | Literal["IN_PROGRESS", "FAILED"]
    entity_type: str
    identifier: str
    entity_uri: str


class ClustersWorkRequest(Resource):
    """The progress of an operation."""

    kind: ClassVar[str] = "clustersworkrequest"
    title: ClassVar[str] = "Work Request of Container Engine"
    needs_others: ClassVar[bool] = False
    hidden: ClassVar[frozenset[str]] = frozenset({"action", "cluster_id"})
    id: str
    compartment_id: str
    cluster_id: str
    operation_type: str
    status: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"]
    action: Action
    resources: list[ClustersWorkRequestResource]
    time_accepted: AwareDatetime
    time_started: AwareDatetime
    time_finished: AwareDatetime | None = None


def begin(
    cloud: Cloud,
    resource: LifecycleResource,
    action: Action,
    *,
    cluster_id: str,
    operation: Literal["RECONCILE"] | None = None,
) -> ClustersWorkRequest:
    """Store a work request for an operation, which is that of the action unless it is named."""
    now = cloud.now()
    request = ClustersWorkRequest(
        id=ocids.mint(ClustersWorkRequest.kind),
        compartment_id=resource.compartment_id,
        cluster_id=cluster_id,
        operation_type=f"{resource.kind.upper()}_{operation or _OPERATIONS[action]}",
        status="IN_PROGRESS",
        action=action,
        resources=[
            ClustersWorkRequestResource(
                action_type="IN_PROGRESS",
                entity_type=resource.kind,
                identifier=resource.ocid,
                entity_uri=f"/{_PATHS[resource.kind]}/{resource.ocid}",
            )
        ],
        time_accepted=now,
        time_started=now,
    )
    return cloud.store.put(request)


def named(request: ClustersWorkRequest) -> Reply:
    """Answer an operation by the name of its work request."""
    return Reply(headers={HEADER: request.id})


def present(cloud: Cloud, request: ClustersWorkRequest) -> ClustersWorkRequest:
    """Return the work request as it is now: it ends when its resource is busy no longer."""
    resource = _resource(cloud, request)
    if request.status != "IN_PROGRESS" or resource.lifecycle_state in resource.busy:
        return request
    failed = resource.lifecycle_state in _FAILED
    (entry,) = request.resources
    outcome = "FAILED" if failed else request.action
    return cloud.store.put(
        request.changed(
            status="FAILED" if failed else "SUCCEEDED",
            resources=[entry.model_copy(update={"action_type": outcome})],
            time_finished=cloud.now(),
        )
    )


def _resource(cloud: Cloud, request: ClustersWorkRequest) -> LifecycleResource:
    (entry,) = request.resources
    kind = cast("type[LifecycleResource]", wire.of_kind(entry.entity_type))
    return cloud.store.get(kind, entry.identifier)


def _list(call: Call) -> Sequence[ClustersWorkRequest]:
    cluster_id, resource_id = call.query.get("clusterId"), call.query.get("resourceId")
    return [
        present(call.cloud, request)
        for request in reversed(call.cloud.store.find(ClustersWorkRequest))
        if cluster_id in {None, request.cluster_id}
        and resource_id in {None, request.resources[0].identifier}
    ]


def _list_errors(call: Call) -> Reply:
    request = present(call.cloud, call.cloud.store.get(ClustersWorkRequest, call.target))
    if request.status != "FAILED" or request.time_finished is None:
        return Reply(body=[])
    reason = _resource(call.cloud, request).failure or "The operation failed."
    return Reply(body=[WorkRequestError(message=reason, timestamp=request.time_finished).wire()])


RESOURCE_TYPE = ResourceType(
    resource=ClustersWorkRequest,
    operations=(
        lists(
            "ListWorkRequests",
            "/workRequests",
            ClustersWorkRequest,
            (),
            find=_list,
            also=("clusterId", "resourceId"),
            sort_keys=("OPERATIONTYPE", "STATUS", "TIMEACCEPTED", "TIMESTARTED", "TIMEFINISHED"),
        ),
        reads("GetWorkRequest", "/workRequests/{workRequestId}", ClustersWorkRequest, present),
        Operation(
            name="ListWorkRequestErrors",
            method="GET",
            path="/workRequests/{workRequestId}/errors",
            answer=_list_errors,
            queries=frozenset({"compartmentId"}),
        ),
    ),
)
