"""Clusters: the resource, its requests, and its control plane on a machine of this cloud."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.certificates import KeyPair
from localcloud.cloud import Cloud
from localcloud.resources import LifecycleResource, TagDetails, Tags
from localcloud.services.container_engine import (
    user_data,
)
from localcloud.services.container_engine.cluster_rules import (
    ClusterCreateOptions,
    ClusterEndpointConfig,
    ClusterPodNetworkOption,
    KubernetesNetworkConfig,
)
from localcloud.services.core.instance import Instance


class ClusterEndpoints(Details):
    """The addresses of the API server, with their port."""

    private_endpoint: str | None = None
    public_endpoint: str | None = None


class ClusterMetadata(Details):
    """The time and the user of the creation."""

    time_created: str
    created_by_user_id: str


class Cluster(LifecycleResource):
    """A cluster. Its authority and the secret of its API server are the emulator's own."""

    kind: ClassVar[str] = "cluster"
    title: ClassVar[str] = "Cluster"
    busy: ClassVar[frozenset[str]] = frozenset({"CREATING", "UPDATING", "DELETING"})
    hidden: ClassVar[frozenset[str]] = frozenset(
        {"time_created", "authority_certificate", "authority_key", "review_secret"}
    )
    id: str
    name: str
    vcn_id: str
    kubernetes_version: str
    type: Literal["BASIC_CLUSTER"] = "BASIC_CLUSTER"
    endpoint_config: ClusterEndpointConfig
    endpoints: ClusterEndpoints = ClusterEndpoints()
    options: ClusterCreateOptions
    cluster_pod_network_options: list[ClusterPodNetworkOption]
    metadata: ClusterMetadata
    available_kubernetes_upgrades: list[str] = Field(default_factory=list)
    lifecycle_details: str | None = None
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, str]] = Field(default_factory=dict)
    authority_certificate: str
    authority_key: str
    review_secret: str

    @property
    def failure(self) -> str | None:
        """The reason of a failed creation."""
        return self.lifecycle_details

    @property
    def authority(self) -> KeyPair:
        """The authority that signs the certificates of the cluster's parts."""
        return KeyPair(certificate=self.authority_certificate, key=self.authority_key)

    @property
    def network(self) -> KubernetesNetworkConfig:
        """The networks of pods and Services."""
        return self.options.kubernetes_network_config


class CreateClusterDetails(TagDetails):
    """The request for a cluster."""

    name: str = Field(min_length=1, max_length=255)
    compartment_id: str
    vcn_id: str
    kubernetes_version: str
    type: Literal["BASIC_CLUSTER", "ENHANCED_CLUSTER"] = "BASIC_CLUSTER"
    endpoint_config: ClusterEndpointConfig | None = None
    options: ClusterCreateOptions = ClusterCreateOptions()
    cluster_pod_network_options: list[ClusterPodNetworkOption] = Field(
        default_factory=lambda: [ClusterPodNetworkOption()], min_length=1, max_length=1
    )


class UpdateClusterDetails(TagDetails):
    """The update of a cluster: its name and its tags."""

    name: str | None = Field(default=None, min_length=1, max_length=255)


def control_plane(cloud: Cloud, cluster_id: str) -> Instance:
    """Return the instance that is the cluster's control plane."""
    (found,) = cloud.store.find(Instance, cluster_id=cluster_id, node_pool_id=None)
    return found


def kubectl(cloud: Cloud, cluster_id: str, *argv: str) -> str:
    """Run kubectl on the control plane, as an administrator; raises DockerError for a failure."""
    command = ("kubernetes", "kubectl", "--kubeconfig", user_data.ADMINISTRATOR, *argv)
    return cloud.machines.run(control_plane(cloud, cluster_id).id, *command)


def active(cloud: Cloud, cluster_id: str) -> Cluster:
    """Return a cluster that takes node pools; raises 409 for any other state."""
    cluster = cloud.store.related(Cluster, "clusterId", cluster_id)
    if cluster.lifecycle_state != "ACTIVE":
        raise errors.incorrect_state(f"The cluster {cluster_id} is {cluster.lifecycle_state}.")
    return cluster


def machines(cloud: Cloud, **equal: str) -> Sequence[Instance]:
    """Return the instances of a cluster or node pool that are not over."""
    found = cloud.store.find(Instance, **equal)
    return [each for each in found if each.lifecycle_state != "TERMINATED"]


def terminate(cloud: Cloud, machine: Instance) -> None:
    """Begin the end of an instance."""
    ending = machine.changed(lifecycle_state="TERMINATING", heading_for="TERMINATED")
    cloud.store.put(ending)
