"""Nodes: instances whose user data makes them join a cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Literal

from pydantic import Field

from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.ocids import REGION
from localcloud.services.container_engine import cluster as clusters
from localcloud.services.container_engine import user_data
from localcloud.services.container_engine.cluster import Cluster
from localcloud.services.core import instance, public_ip, vnic
from localcloud.services.core.instance import Instance
from localcloud.services.core.launch_rules import LaunchShapeConfigDetails
from localcloud.services.core.vcn import Vcn

_STATES: Mapping[str, Literal["CREATING", "UPDATING", "DELETING"]] = {
    "PROVISIONING": "CREATING",
    "STARTING": "UPDATING",
    "STOPPING": "UPDATING",
    "STOPPED": "UPDATING",
    "TERMINATING": "DELETING",
}


class KeyValue(Details):
    """A label of nodes."""

    key: str
    value: str


class CreateNodeShapeConfigDetails(Details):
    """The size of nodes; memory is in GB."""

    ocpus: float
    memory_in_gbs: float | None = None


class NodeSourceViaImageDetails(Details):
    """The image of nodes."""

    source_type: Literal["IMAGE"] = "IMAGE"
    image_id: str
    boot_volume_size_in_gbs: int | None = Field(default=None, ge=50)


class NodePoolPlacementConfigDetails(Details):
    """A place of nodes."""

    availability_domain: str
    subnet_id: str


class NodeEvictionNodePoolSettings(Details):
    """The time for the pods of a node that goes; its machine ends after it in any case."""

    eviction_grace_duration: str = Field(default="PT60M", pattern=r"PT\d+[MS]")
    is_force_delete_after_grace_duration: bool = False
    is_force_action_after_grace_duration: Literal[False] = False

    @property
    def seconds(self) -> int:
        number, unit = int(self.eviction_grace_duration[2:-1]), self.eviction_grace_duration[-1]
        return number * 60 if unit == "M" else number


class Node(Details):
    """A node, as its pool shows it."""

    id: str  # the instance's
    name: str
    kubernetes_version: str
    availability_domain: str
    fault_domain: str
    subnet_id: str
    node_pool_id: str
    private_ip: str
    public_ip: str | None = None
    lifecycle_state: Literal["CREATING", "ACTIVE", "UPDATING", "DELETING"]


@dataclass(frozen=True, kw_only=True)
class NodeRequest:
    """A node to launch for a pool."""

    pool_id: str
    compartment_id: str
    ordinal: int
    shape: str
    size: CreateNodeShapeConfigDetails | None
    source: NodeSourceViaImageDetails
    place: NodePoolPlacementConfigDetails
    nsg_ids: Sequence[str]
    labels: Mapping[str, str]
    ssh_public_key: str


def launch(cloud: Cloud, cluster: Cluster, request: NodeRequest) -> Instance:
    """Store the instance of a node; its machine joins the cluster at its first boot."""
    size = request.size
    keys = {"ssh_authorized_keys": request.ssh_public_key} if request.ssh_public_key else {}
    launched = instance.launch(
        cloud,
        instance.LaunchInstanceDetails(
            compartment_id=request.compartment_id,
            availability_domain=request.place.availability_domain,
            display_name=f"oke-c{cluster.id[-11:]}-n{request.pool_id[-11:]}-{request.ordinal}",
            shape=request.shape,
            shape_config=LaunchShapeConfigDetails(
                ocpus=size.ocpus, memory_in_gbs=size.memory_in_gbs
            )
            if size
            else None,
            source_details=instance.LaunchSourceDetails(
                source_type="image",
                image_id=request.source.image_id,
                boot_volume_size_in_gbs=request.source.boot_volume_size_in_gbs,
            ),
            create_vnic_details=vnic.CreateVnicDetails(
                subnet_id=request.place.subnet_id, nsg_ids=list(request.nsg_ids)
            ),
        ),
    )
    address = vnic.of_instance(cloud, launched.id).private_ip
    control_plane = vnic.of_instance(cloud, clusters.control_plane(cloud, cluster.id).id)
    data = user_data.of_a_node(
        cluster.authority,
        node=str(IPv4Address(address)),
        instance_id=launched.id,
        server=control_plane.private_ip,
        vcn=cloud.store.get(Vcn, cluster.vcn_id).cidr_blocks[0],
        pods=cluster.network.pods_cidr,
        labels={
            **request.labels,
            "topology.kubernetes.io/region": REGION,
            # the part of the domain's name that is the same in every tenancy
            "topology.kubernetes.io/zone": launched.availability_domain.rpartition(":")[2],
        },
    )
    return cloud.store.put(
        launched.changed(
            cluster_id=cluster.id,
            node_pool_id=request.pool_id,
            metadata={**keys, "user_data": data},
        )
    )


def name_of(cloud: Cloud, machine: Instance) -> str:
    """Return the node's name in the cluster: its private address, as on OKE."""
    return vnic.of_instance(cloud, machine.id).private_ip


def provider_id(node: Mapping[str, Any]) -> str:
    """Return the OCID of the instance that a Node of Kubernetes is; its name, if it has none.

    Only the nodes of an earlier version of this emulator have none.
    """
    return str(node["spec"].get("providerID") or node["metadata"]["name"])


def of(cloud: Cloud, machine: Instance, version: str, is_active: bool) -> Node:
    """Return an instance as a node."""
    card = vnic.of_instance(cloud, machine.id)
    address = public_ip.assigned_to(cloud, card.private_ip_id)
    running: Literal["CREATING", "ACTIVE"] = "ACTIVE" if is_active else "CREATING"
    return Node(
        id=machine.id,
        name=machine.display_name,
        kubernetes_version=version,
        availability_domain=machine.availability_domain,
        fault_domain=machine.fault_domain,
        subnet_id=card.subnet_id,
        node_pool_id=machine.node_pool_id or "",
        private_ip=card.private_ip,
        public_ip=address.ip_address if address else None,
        lifecycle_state=_STATES.get(machine.lifecycle_state, running),
    )
