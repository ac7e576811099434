"""The cluster: Kubernetes runs containers of the service on several VMs, behind a load balancer."""

from typing import Any

import pulumi

from components.cluster import Cluster, ClusterArgs
from components.cluster_network import ClusterNetwork, ClusterNetworkArgs
from components.image import Image
from components.network import Network
from settings import Settings


def provide(settings: Settings, image: Image, network: Network) -> dict[str, pulumi.Input[Any]]:
    """Make the cluster; return the outputs, the most wanted last."""
    plan = settings.cluster
    if plan is None:
        raise ValueError("the settings have no plan of a cluster")
    place = ClusterNetwork(
        "auth",
        ClusterNetworkArgs(
            compartment_id=settings.compartment_id,
            network=network,
            endpoint_subnet_cidr=plan.endpoint_subnet_cidr,
            node_subnet_cidr=plan.node_subnet_cidr,
            balancer_subnet_cidr=settings.subnet_cidr,
            operators=settings.allowed_ssh_cidrs,
        ),
    )
    cluster = Cluster(
        "auth",
        ClusterArgs(
            tenancy_id=settings.tenancy_id,
            compartment_id=settings.compartment_id,
            region=settings.region,
            vcn_id=network.vcn_id,
            network=place,
            plan=plan,
            machine=settings.machine,
            protect=settings.protect,
        ),
    )
    return {"image": image.digest, "kubeconfig": cluster.kubeconfig}
