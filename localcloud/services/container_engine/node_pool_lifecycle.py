"""The steps of a node pool's life: it gets as many Ready nodes as its size, or says why not."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from localcloud import resources
from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.host import shortage
from localcloud.machines.docker import DockerError
from localcloud.services.container_engine import api_server, cloud_controller, node, work_request
from localcloud.services.container_engine import cluster as clusters
from localcloud.services.container_engine.api_server import ApiServerError
from localcloud.services.container_engine.cluster import Cluster
from localcloud.services.container_engine.node import NodePoolPlacementConfigDetails
from localcloud.services.container_engine.node_pool import NodePool
from localcloud.services.core import vnic
from localcloud.services.core.instance import Instance

log = logging.getLogger(__name__)

_READY_SECONDS = 180
_DRAIN_SECONDS = 60  # without a wish; an hour on OKE


def instances(cloud: Cloud, pool: NodePool) -> list[Instance]:
    """Return the instances that are nodes of the pool, or become nodes, oldest first."""
    found = clusters.machines(cloud, node_pool_id=pool.id)
    return [each for each in found if each.lifecycle_state != "TERMINATING"]


def grown(cloud: Cloud, cluster: Cluster, pool: NodePool) -> NodePool:
    """Store the pool, and launch the instances that it lacks."""
    cloud.store.put(pool)
    lacking = pool.node_config_details.size - len(instances(cloud, pool))
    for ordinal in range(pool.ordinal, pool.ordinal + max(lacking, 0)):
        request = node.NodeRequest(
            pool_id=pool.id,
            compartment_id=pool.compartment_id,
            ordinal=ordinal,
            shape=pool.node_shape,
            size=pool.node_shape_config,
            source=pool.node_source_details,
            place=_emptiest(cloud, pool),
            nsg_ids=pool.node_config_details.nsg_ids,
            labels={label.key: label.value for label in pool.initial_node_labels},
            ssh_public_key=pool.ssh_public_key,
        )
        node.launch(cloud, cluster, request)
    return cloud.store.put(pool.changed(ordinal=pool.ordinal + max(lacking, 0)))


def _emptiest(cloud: Cloud, pool: NodePool) -> NodePoolPlacementConfigDetails:
    """Return the place with the fewest nodes of the pool, the first of several."""
    nodes = Counter(
        (each.availability_domain, vnic.of_instance(cloud, each.id).subnet_id)
        for each in instances(cloud, pool)
    )
    places = pool.node_config_details.placement_configs
    return min(places, key=lambda place: nodes[place.availability_domain, place.subnet_id])


def replace_lost(cloud: Cloud) -> None:
    """Give each pool at rest nodes in the place of those whose instance was terminated by itself.

    As Oracle's pools do, under a work request of its own type: NODEPOOL_RECONCILE.
    """
    for pool in cloud.store.find(NodePool, lifecycle_state="ACTIVE"):
        try:
            if _lacks_nodes(cloud, pool) and _is_forgotten(cloud, pool.cluster_id):
                with cloud.store.transaction():
                    _reconcile(cloud, cloud.store.get(NodePool, pool.id))
        except ApiServerError as error:
            log.warning("Node pool %s lacks nodes, and waits: %s", pool.id, error)
        except errors.ApiError as error:
            log.warning("Node pool %s lacks nodes: %s", pool.id, error.message)
            reason = f"no node in the place of a terminated one: {error.message}"
            resources.arrive(cloud, pool, "NEEDS_ATTENTION", lifecycle_details=reason)


def _lacks_nodes(cloud: Cloud, pool: NodePool) -> bool:
    return len(instances(cloud, pool)) < pool.node_config_details.size


def _is_forgotten(cloud: Cloud, cluster_id: str) -> bool:
    """Return whether the API server has neither a lost node nor a pod of one.

    Another node may get its address, which is its name: it would take those pods over. Kubernetes
    deletes them within a minute.
    """
    server = api_server.of(cloud, cloud.store.get(Cluster, cluster_id))
    present = {
        node.name_of(cloud, each)
        for each in clusters.machines(cloud, cluster_id=cluster_id)
        if each.lifecycle_state != "TERMINATING"
    }
    nodes = {each["metadata"]["name"] for each in server.items("/api/v1/nodes?resourceVersion=0")}
    pods = server.items("/api/v1/pods?resourceVersion=0")
    return nodes | {each["spec"].get("nodeName") for each in pods} <= present | {None}


def _reconcile(cloud: Cloud, pool: NodePool) -> None:
    if pool.lifecycle_state == "ACTIVE":
        cluster = clusters.active(cloud, pool.cluster_id)
        updating = grown(cloud, cluster, pool.changed(lifecycle_state="UPDATING"))
        work_request.begin(cloud, updating, "UPDATED", cluster_id=cluster.id, operation="RECONCILE")
        cloud.store.afterwards(cloud.begin_work)


def _settle(cloud: Cloud, pool: NodePool) -> None:
    """Remove the surplus of nodes, then wait until the rest is Ready.

    A pool that lacks nodes, or whose nodes are not Ready in time, gets the state NEEDS_ATTENTION.
    """
    size = pool.node_config_details.size
    for machine in instances(cloud, pool)[size:]:
        _remove(cloud, pool, machine)
    deadline, reason = time.monotonic() + _READY_SECONDS, ""
    while time.monotonic() < deadline:
        current = cloud.store.get(NodePool, pool.id)
        if current.lifecycle_state != pool.lifecycle_state:
            return
        machines = instances(cloud, pool)
        if len(machines) < size:
            reason = f"{len(machines)} of {size} nodes: {_last_failure(cloud, pool)}"
            break
        missing = _not_ready(cloud, pool, machines)
        if not missing:
            resources.arrive(cloud, pool, "ACTIVE", lifecycle_details=None)
            return
        problems = ", ".join(f"{name} ({why})" for name, why in sorted(missing.items()))
        reason = f"not Ready within {_READY_SECONDS} s: {problems}.{shortage()}"
        time.sleep(0.3)
    log.error("Node pool %s: %s", pool.id, reason)
    resources.arrive(cloud, pool, "NEEDS_ATTENTION", lifecycle_details=reason)


def _last_failure(cloud: Cloud, pool: NodePool) -> str:
    """Return the reason for which the pool lacks a node: that of its last instance that ended."""
    ended = [
        each
        for each in cloud.store.find(Instance, node_pool_id=pool.id)
        if each.lifecycle_state in {"TERMINATING", "TERMINATED"}
    ]
    last = max(ended, key=lambda each: each.time_created)
    return last.last_failure or f"the instance {last.id} was terminated"


def _not_ready(cloud: Cloud, pool: NodePool, machines: Sequence[Instance]) -> dict[str, str]:
    """Return the names of the nodes that are not Ready, each with its reason."""
    try:
        answer = clusters.kubectl(cloud, pool.cluster_id, "get", "nodes", "--output", "json")
    except DockerError:
        answer = '{"items": []}'
    conditions = {
        node.provider_id(each): condition
        for each in json.loads(answer)["items"]
        for condition in each["status"].get("conditions", [])
        if condition["type"] == "Ready"
    }
    missing = {}
    for machine in machines:
        name = node.name_of(cloud, machine)
        condition = conditions.get(machine.id) or conditions.get(name) or {}
        if condition.get("status") != "True":
            missing[name] = condition.get("message") or "it did not join the cluster"
    return missing


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
    for machine in instances(cloud, pool):
        if cluster.lifecycle_state == "ACTIVE":
            _remove(cloud, pool, machine)
        else:
            with cloud.store.transaction():
                clusters.terminate(cloud, machine)
    while clusters.machines(cloud, node_pool_id=pool.id):
        cloud.begin_work()
        time.sleep(0.3)
    resources.arrive(cloud, pool, "DELETED")


STEPS: Mapping[str, Callable[[Cloud, NodePool], None]] = {
    "CREATING": _settle,
    "UPDATING": _settle,
    "DELETING": _go_down,
}
