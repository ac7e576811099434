"""The cluster: a Kubernetes whose control plane Oracle runs, and its nodes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_oci.containerengine import (
    Cluster as Engine,
)
from pulumi_oci.containerengine import (
    ClusterClusterPodNetworkOptionArgs,
    ClusterEndpointConfigArgs,
    NodePool,
    NodePoolNodeConfigDetailsArgs,
    NodePoolNodeConfigDetailsPlacementConfigArgs,
    NodePoolNodeEvictionNodePoolSettingsArgs,
    NodePoolNodeShapeConfigArgs,
    NodePoolNodeSourceDetailsArgs,
    get_cluster_kube_config_output,
    get_cluster_option_output,
    get_node_pool_option_output,
)

from common import kubeconfig
from components.cluster_network import ClusterNetwork
from components.cluster_plan import ClusterPlan
from components.labels import display_name
from components.machine import Machine, availability_domains

_ALL = "all"  # clusters: the options that a new cluster has
_EVICTION = "PT5M"  # for the pods of a node that goes; the service drains in seconds


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """The place of the cluster, its plan, and the size of a node."""

    tenancy_id: str
    compartment_id: str
    region: str
    vcn_id: pulumi.Input[str]
    network: ClusterNetwork
    plan: ClusterPlan
    machine: Machine
    protect: bool


class Cluster(pulumi.ComponentResource):
    """A Basic cluster of Container Engine, with one node pool over all availability domains.

    The control plane costs nothing. A change of the version updates it in place; nodes have the
    version with which they were made.
    """

    cluster_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]  # known once nodes are there; it has no secret in it

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:cluster:Cluster", name, None, opts)
        self._args = args
        version = self._offered_version()
        cluster = Engine(
            f"{name}-cluster",
            compartment_id=args.compartment_id,
            vcn_id=args.vcn_id,
            name=display_name(name),
            kubernetes_version=version,
            type="BASIC_CLUSTER",
            endpoint_config=ClusterEndpointConfigArgs(
                subnet_id=args.network.endpoint_subnet_id,
                nsg_ids=[args.network.endpoint_nsg_id],
                is_public_ip_enabled=True,
            ),
            cluster_pod_network_options=[
                ClusterClusterPodNetworkOptionArgs(cni_type="FLANNEL_OVERLAY")
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect,
                depends_on=[*args.network.ready],
                custom_timeouts=pulumi.CustomTimeouts(create="60m", update="60m", delete="60m"),
            ),
        )
        pool = self._pool(name, cluster, version)
        content = get_cluster_kube_config_output(
            cluster_id=cluster.id,
            # after the nodes: pods without nodes would only wait
            opts=pulumi.InvokeOutputOptions(parent=self, depends_on=[pool]),
        ).content
        self.cluster_id = cluster.id
        self.kubeconfig = pulumi.Output.all(cluster.id, content).apply(
            lambda known: kubeconfig.of_stack(
                known[1], cluster_id=known[0], region=args.region, stack=pulumi.get_stack()
            )
        )
        self.register_outputs({"cluster_id": self.cluster_id})

    def _pool(self, name: str, cluster: Engine, version: pulumi.Output[str]) -> NodePool:
        args = self._args
        domains = availability_domains(self, tenancy_id=args.tenancy_id)
        return NodePool(
            f"{name}-nodes",
            cluster_id=cluster.id,
            compartment_id=args.compartment_id,
            name=display_name(name),
            kubernetes_version=version,
            node_shape=args.machine.shape,
            node_shape_config=NodePoolNodeShapeConfigArgs(
                ocpus=args.machine.ocpus, memory_in_gbs=args.machine.memory_in_gbs
            ),
            node_source_details=NodePoolNodeSourceDetailsArgs(
                source_type="IMAGE",
                image_id=self._image(version),
                boot_volume_size_in_gbs=str(args.machine.boot_volume_in_gbs),
            ),
            node_config_details=NodePoolNodeConfigDetailsArgs(
                size=args.plan.nodes,
                nsg_ids=[args.network.node_nsg_id],
                placement_configs=pulumi.Output.all(domains, args.network.node_subnet_id).apply(
                    lambda known: [
                        NodePoolNodeConfigDetailsPlacementConfigArgs(
                            availability_domain=domain, subnet_id=known[1]
                        )
                        for domain in known[0]
                    ]
                ),
            ),
            node_eviction_node_pool_settings=NodePoolNodeEvictionNodePoolSettingsArgs(
                eviction_grace_duration=_EVICTION, is_force_delete_after_grace_duration=True
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect,
                custom_timeouts=pulumi.CustomTimeouts(create="50m", update="50m", delete="50m"),
            ),
        )

    def _offered_version(self) -> pulumi.Output[str]:
        """Return the version of the plan, or the newest patch of it that Oracle offers."""
        wanted = self._args.plan.kubernetes_version
        return get_cluster_option_output(
            cluster_option_id=_ALL,
            compartment_id=self._args.compartment_id,
            opts=pulumi.InvokeOutputOptions(parent=self),
        ).kubernetes_versions.apply(lambda versions: newest_patch(versions, wanted))

    def _image(self, version: pulumi.Output[str]) -> pulumi.Input[str]:
        """Return the configured image of nodes, or the newest for the version and the shape."""
        if self._args.machine.image_ocid:
            return self._args.machine.image_ocid
        sources = get_node_pool_option_output(
            node_pool_option_id=_ALL,
            compartment_id=self._args.compartment_id,
            opts=pulumi.InvokeOutputOptions(parent=self),
        ).sources.apply(lambda all_: [(each.source_name, each.image_id) for each in all_])
        return pulumi.Output.all(sources, version).apply(
            lambda known: newest_image(
                known[0],
                version=known[1],
                platform=self._args.machine.platform,
            )
        )


def newest_patch(offered: Sequence[str], wanted: str) -> str:
    """Return the newest version that begins with `wanted`; raise RunError if there is none."""
    matches = [each for each in offered if f"{each}.".startswith(f"{wanted}.")]
    if not matches:
        raise pulumi.RunError(
            f"auth:kubernetesVersion is {wanted}, and Oracle offers {', '.join(offered)} for new "
            "clusters. Choose one of these: pulumi config set auth:kubernetesVersion VERSION"
        )
    return max(matches, key=_numbers)


def newest_image(sources: Sequence[tuple[str, str]], *, version: str, platform: str) -> str:
    """Return the OCID of the newest image of nodes, from the names and OCIDs of all.

    A name has the date, the architecture if it is arm64, and the version, such as
    Oracle-Linux-8.10-aarch64-2025.09.16-0-OKE-1.34.1-1191. Raises RunError if there is none.
    """
    of_version = f"-OKE-{version.removeprefix('v')}-"
    matches = {
        name: ocid
        for name, ocid in sources
        if of_version in name and ("aarch64" in name) == (platform == "linux/arm64")
        # the images for GPUs have their drivers, and are larger
        if "GPU" not in name
    }
    if not matches:
        raise pulumi.RunError(
            f"Container Engine has no image of nodes for {version} on {platform} in this region. "
            "Name one: pulumi config set auth:imageOcid OCID"
        )
    return matches[max(matches, key=_numbers)]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
