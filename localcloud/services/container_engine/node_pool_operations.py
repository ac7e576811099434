"""The operations of node pools, and the steps of a pool's life. `node_pool` has the resource."""

import json
import logging
import time

from localcloud import ocids, resources
from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, lists, once, reads
from localcloud.cloud import Cloud
from localcloud.host import shortage
from localcloud.machines.docker import DockerError
from localcloud.service import ResourceType
from localcloud.services.container_engine import cloud_controller, cluster_rules, node, work_request
from localcloud.services.container_engine import cluster as clusters
from localcloud.services.container_engine.cluster import Cluster
from localcloud.services.container_engine.node_pool import (
    STAYING,
    CreateNodePoolDetails,
    NodePool,
    UpdateNodePoolDetails,
)
from localcloud.services.container_engine.work_request import ClustersWorkRequest
from localcloud.services.core import catalogue
from localcloud.services.core.instance import Instance

log = logging.getLogger(__name__)

_READY_SECONDS = 180
_DRAIN_SECONDS = 60  # without a wish; an hour on OKE


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
        pool = _grown(cloud, cluster, pool)
        return work_request.begin(cloud, pool, "CREATED", cluster_id=cluster.id)

    with cloud.store.transaction():
        return work_request.named(once(call, ClustersWorkRequest, make))


_TAKEN_OVER = (
    *("compartment_id", "cluster_id", "name", "node_shape", "node_shape_config"),
    *("node_source_details", "node_config_details", "initial_node_labels", "ssh_public_key"),
    "node_eviction_node_pool_settings",
)


def _grown(cloud: Cloud, cluster: Cluster, pool: NodePool) -> NodePool:
    """Store the pool, and launch the instances that it lacks."""
    cloud.store.put(pool)
    lacking = pool.node_config_details.size - len(_instances(cloud, pool))
    places = pool.node_config_details.placement_configs
    for ordinal in range(pool.ordinal, pool.ordinal + max(lacking, 0)):
        request = node.NodeRequest(
            pool_id=pool.id,
            compartment_id=pool.compartment_id,
            ordinal=ordinal,
            shape=pool.node_shape,
            size=pool.node_shape_config,
            source=pool.node_source_details,
            place=places[ordinal % len(places)],
            nsg_ids=pool.node_config_details.nsg_ids,
            labels={label.key: label.value for label in pool.initial_node_labels},
            ssh_public_key=pool.ssh_public_key,
        )
        node.launch(cloud, cluster, request)
    return cloud.store.put(pool.changed(ordinal=pool.ordinal + max(lacking, 0)))


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
            pool = _grown(cloud, clusters.active(cloud, pool.cluster_id), pool)
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


def _instances(cloud: Cloud, pool: NodePool) -> list[Instance]:
    """Return the instances that are nodes of the pool, or become nodes, oldest first."""
    found = clusters.machines(cloud, node_pool_id=pool.id)
    return [each for each in found if each.lifecycle_state != "TERMINATING"]


def _shown(cloud: Cloud, pool: NodePool) -> NodePool:
    found = clusters.machines(cloud, node_pool_id=pool.id)
    is_active = pool.lifecycle_state == "ACTIVE"
    return pool.changed(
        nodes=[node.of(cloud, each, pool.kubernetes_version, is_active) for each in found]
    )


def _settle(cloud: Cloud, pool: NodePool) -> None:
    """Remove the surplus of nodes, then wait until the rest is Ready."""
    size = pool.node_config_details.size
    for machine in _instances(cloud, pool)[size:]:
        _remove(cloud, pool, machine)
    deadline, missing = time.monotonic() + _READY_SECONDS, {"?"}
    while time.monotonic() < deadline:
        current = cloud.store.get(NodePool, pool.id)
        if current.lifecycle_state != pool.lifecycle_state:
            return
        machines = _instances(cloud, pool)
        missing = {node.name_of(cloud, each) for each in machines} - _ready(cloud, pool.cluster_id)
        if not missing and len(machines) >= size:
            resources.arrive(cloud, pool, "ACTIVE")
            return
        time.sleep(0.3)
    reason = f"not Ready within {_READY_SECONDS} s: {', '.join(sorted(missing)) or 'too few nodes'}"
    reason += shortage()
    log.error("Node pool %s: %s", pool.id, reason)
    resources.arrive(cloud, pool, "NEEDS_ATTENTION", lifecycle_details=reason)


def _ready(cloud: Cloud, cluster_id: str) -> set[str]:
    """Return the names of the nodes that are Ready."""
    try:
        answer = clusters.kubectl(cloud, cluster_id, "get", "nodes", "--output", "json")
    except DockerError:
        return set()
    return {
        each["metadata"]["name"]
        for each in json.loads(answer)["items"]
        for condition in each["status"].get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def _remove(cloud: Cloud, pool: NodePool, machine: Instance) -> None:
    """Let a node's pods go, as far as they do in time, then end its machine."""
    name = node.name_of(cloud, machine)
    flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--force")
    eviction = pool.node_eviction_node_pool_settings
    timeout = f"--timeout={eviction.seconds if eviction else _DRAIN_SECONDS}s"
    cloud_controller.leave(cloud, pool.cluster_id, name)
    for command in (("drain", name, *flags, timeout), ("delete", "node", name)):
        try:
            clusters.kubectl(cloud, pool.cluster_id, *command)
        except DockerError as error:
            log.warning("Node %s of %s: %s", name, pool.id, error)
    with cloud.store.transaction():
        clusters.terminate(cloud, cloud.store.get(Instance, machine.id))
    cloud.begin_work()


def _go_down(cloud: Cloud, pool: NodePool) -> None:
    """Remove all nodes, then wait until their machines are gone."""
    cluster = cloud.store.get(Cluster, pool.cluster_id)
    for machine in _instances(cloud, pool):
        if cluster.lifecycle_state == "ACTIVE":
            _remove(cloud, pool, machine)
        else:
            with cloud.store.transaction():
                clusters.terminate(cloud, machine)
    while clusters.machines(cloud, node_pool_id=pool.id):
        cloud.begin_work()
        time.sleep(0.3)
    resources.arrive(cloud, pool, "DELETED")


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
    steps={"CREATING": _settle, "UPDATING": _settle, "DELETING": _go_down},
    limits="""
        - A node is an instance, listed among the others; its name in the cluster is its private
          address. Each takes the platform image of instances in the place of OKE's.
        - The rules of the network hold: nodes need UDP 14789 among themselves and TCP 6443 of the
          API server, the API server needs TCP 10250 of the nodes.
        - A smaller size drains the last nodes for the pool's grace duration, a minute by default,
          and then ends them in any case. Of a node pool only name, tags and size can be changed.
          A node that is terminated by itself is not replaced.
    """,
)
