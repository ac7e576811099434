"""The operations of node pools. `node_pool` has the resource, `node_pool_lifecycle` its life."""

from localcloud import ocids, resources
from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, lists, once, reads
from localcloud.cloud import Cloud
from localcloud.service import Recurring, ResourceType
from localcloud.services.container_engine import cluster as clusters
from localcloud.services.container_engine import (
    cluster_rules,
    node,
    node_pool_lifecycle,
    work_request,
)
from localcloud.services.container_engine.node_pool import (
    STAYING,
    CreateNodePoolDetails,
    NodePool,
    UpdateNodePoolDetails,
)
from localcloud.services.container_engine.work_request import ClustersWorkRequest
from localcloud.services.core import catalogue

_SECONDS = 2  # between the looks at pools that lost nodes


def _create(call: Call) -> Reply:
    details, cloud = wire.read(CreateNodePoolDetails, call.body), call.cloud

    def make() -> ClustersWorkRequest:
        resources.known_compartment(cloud, details.compartment_id)
        resources.refuse_defined_tags(details)
        cluster = clusters.active(cloud, details.cluster_id)
        version = details.kubernetes_version or cluster.kubernetes_version
        cluster_rules.check_version(cloud, version)
        kept = {name: getattr(details, name) for name in _TAKEN_OVER}
        pool = NodePool(
            **kept,
            id=ocids.mint(NodePool.kind),
            kubernetes_version=version,
            freeform_tags=details.freeform_tags or {},
            time_created=cloud.now(),
            lifecycle_state="CREATING",
        )
        pool = node_pool_lifecycle.grown(cloud, cluster, pool)
        return work_request.begin(cloud, pool, "CREATED", cluster_id=cluster.id)

    with cloud.store.transaction():
        return work_request.named(once(call, ClustersWorkRequest, make))


_TAKEN_OVER = (
    *("compartment_id", "cluster_id", "name", "node_shape", "node_shape_config"),
    *("node_source_details", "node_config_details", "initial_node_labels", "ssh_public_key"),
    "node_eviction_node_pool_settings",
)


def _update(call: Call) -> Reply:
    details, cloud = wire.read(UpdateNodePoolDetails, call.body), call.cloud
    with cloud.store.transaction():
        pool = _changeable(cloud, call.target)
        details.refuse_changes(pool)
        named = details.model_copy(update=dict.fromkeys((*STAYING, "node_config_details")))
        pool = resources.update(cloud, pool, named)
        size = details.node_config_details.size if details.node_config_details else None
        if size is not None:
            config = pool.node_config_details.model_copy(update={"size": size})
            pool = pool.changed(node_config_details=config, lifecycle_state="UPDATING")
            pool = node_pool_lifecycle.grown(cloud, clusters.active(cloud, pool.cluster_id), pool)
        request = work_request.begin(cloud, pool, "UPDATED", cluster_id=pool.cluster_id)
    return work_request.named(request)


def _delete(call: Call) -> Reply:
    cloud = call.cloud
    with cloud.store.transaction():
        pool = cloud.store.get(NodePool, call.target)
        if pool.lifecycle_state in {"DELETING", "DELETED"}:
            raise errors.incorrect_state(f"The node pool {pool.id} is {pool.lifecycle_state}.")
        deleting = cloud.store.put(pool.changed(lifecycle_state="DELETING"))
        request = work_request.begin(cloud, deleting, "DELETED", cluster_id=pool.cluster_id)
    return work_request.named(request)


def _changeable(cloud: Cloud, ocid: str) -> NodePool:
    pool = cloud.store.get(NodePool, ocid)
    if pool.lifecycle_state not in {"ACTIVE", "NEEDS_ATTENTION"}:
        raise errors.incorrect_state(f"The node pool {pool.id} is {pool.lifecycle_state}.")
    return pool


def _shown(cloud: Cloud, pool: NodePool) -> NodePool:
    found = clusters.machines(cloud, node_pool_id=pool.id)
    is_active = pool.lifecycle_state == "ACTIVE"
    return pool.changed(
        nodes=[node.of(cloud, each, pool.kubernetes_version, is_active) for each in found]
    )


def _options(call: Call) -> Reply:
    """Answer the versions, shapes and images that a new node pool can have.

    The name of an image has the version of Kubernetes, as on OKE.
    """
    versions = cluster_rules.versions(call.cloud)
    names = {
        image.id: f"{image.display_name}-OKE-{version.removeprefix('v')}-1"
        for version in versions
        for image in catalogue.images()
    }
    return Reply(
        body={
            "kubernetesVersions": versions,
            "shapes": [shape.shape for shape in catalogue.SHAPES],
            "images": list(names.values()),
            "sources": [
                {"sourceType": "IMAGE", "sourceName": name, "imageId": ocid}
                for ocid, name in names.items()
            ],
        }
    )


RESOURCE_TYPE = ResourceType(
    resource=NodePool,
    operations=(
        Operation(
            name="CreateNodePool",
            method="POST",
            path="/nodePools",
            answer=_create,
            fields=body_fields(CreateNodePoolDetails),
        ),
        lists(
            "ListNodePools",
            "/nodePools",
            NodePool,
            ("compartmentId", "clusterId", "name", "lifecycleState"),
            required=("compartmentId",),
            sort_keys=("ID", "NAME"),
        ),
        reads("GetNodePool", "/nodePools/{nodePoolId}", NodePool, _shown),
        Operation(
            name="UpdateNodePool",
            method="PUT",
            path="/nodePools/{nodePoolId}",
            answer=_update,
            fields=body_fields(UpdateNodePoolDetails),
        ),
        Operation(
            name="DeleteNodePool", method="DELETE", path="/nodePools/{nodePoolId}", answer=_delete
        ),
        Operation(
            name="GetNodePoolOptions",
            method="GET",
            path="/nodePoolOptions/{nodePoolOptionId}",
            answer=_options,
            queries=frozenset({"compartmentId"}),
        ),
    ),
    steps=node_pool_lifecycle.STEPS,
    recurring=Recurring(seconds=_SECONDS, work=node_pool_lifecycle.replace_lost),
    limits="""
        - A node is an instance, listed among the others; its name in the cluster is its private
          address. Each takes the platform image of instances in the place of OKE's.
        - The rules of the network hold: nodes need UDP 14789 among themselves and TCP 6443 of the
          API server, the API server needs TCP 10250 of the nodes.
        - A smaller size drains the last nodes for the pool's grace duration, a minute by default,
          and then ends them in any case. Of a node pool only name, tags and size can be changed.
        - A node whose instance is terminated by itself is replaced, by a work request
          NODEPOOL_RECONCILE, once Kubernetes has deleted its pods. `kubectl delete node` replaces
          nothing.
    """,
)
