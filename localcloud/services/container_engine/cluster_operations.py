"""The operations of clusters, and the steps of a cluster's life. `cluster` has the resource."""

import json
import logging
import secrets
import time
from ipaddress import IPv4Address
from typing import Literal

from localcloud import certificates, ocids, resources
from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields, lists, once, reads
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.host import default_shape, shortage
from localcloud.machines.docker import DockerError
from localcloud.service import Recurring, ResourceType
from localcloud.services.container_engine import (
    addons,
    cloud_controller,
    cluster_rules,
    user_data,
    work_request,
)
from localcloud.services.container_engine.cluster import (
    Cluster,
    ClusterEndpoints,
    ClusterMetadata,
    CreateClusterDetails,
    UpdateClusterDetails,
    active,
    control_plane,
    kubectl,
    machines,
    terminate,
)
from localcloud.services.container_engine.work_request import ClustersWorkRequest
from localcloud.services.core import catalogue, instance, public_ip, vnic
from localcloud.services.core.launch_rules import LaunchShapeConfigDetails
from localcloud.services.core.vcn import Vcn
from localcloud.services.identity.availability_domain import DOMAINS

log = logging.getLogger(__name__)

_PORT = 6443
_READY_SECONDS = 180
_OCPUS, _MEMORY_IN_GBS = 1, 4  # of the control plane


def _create(call: Call) -> Reply:
    details, cloud = wire.read(CreateClusterDetails, call.body), call.cloud

    def make() -> ClustersWorkRequest:
        cluster = _stored(cloud, details)
        return work_request.begin(cloud, cluster, "CREATED", cluster_id=cluster.id)

    with cloud.store.transaction():
        return work_request.named(once(call, ClustersWorkRequest, make))


def _stored(cloud: Cloud, details: CreateClusterDetails) -> Cluster:
    """Store a new cluster, and the instance of its control plane with everything to begin with."""
    resources.known_compartment(cloud, details.compartment_id)
    resources.refuse_defined_tags(details)
    endpoint_config = cluster_rules.check(cloud, details)
    cluster_id, authority = ocids.mint(Cluster.kind), certificates.new_authority(details.name)
    now = cloud.now()
    cluster = Cluster(
        **{
            name: getattr(details, name) for name in ("name", "compartment_id", "vcn_id", "options")
        },
        id=cluster_id,
        kubernetes_version=details.kubernetes_version,
        endpoint_config=endpoint_config,
        cluster_pod_network_options=details.cluster_pod_network_options,
        metadata=ClusterMetadata(
            time_created=f"{now:%Y-%m-%dT%H:%M:%SZ}", created_by_user_id=cloud.account.user
        ),
        freeform_tags=details.freeform_tags or {},
        time_created=now,
        lifecycle_state="CREATING",
        authority_certificate=authority.certificate,
        authority_key=authority.key,
        review_secret=secrets.token_urlsafe(32),
    )
    machine = instance.launch(
        cloud,
        instance.LaunchInstanceDetails(
            compartment_id=cluster.compartment_id,
            availability_domain=DOMAINS[0],
            display_name=f"control plane of {cluster.name}",
            shape=default_shape(),
            shape_config=LaunchShapeConfigDetails(ocpus=_OCPUS, memory_in_gbs=_MEMORY_IN_GBS),
            image_id=catalogue.images()[0].id,
            create_vnic_details=vnic.CreateVnicDetails(
                subnet_id=endpoint_config.subnet_id,
                nsg_ids=endpoint_config.nsg_ids,
                assign_public_ip=endpoint_config.is_public_ip_enabled,
            ),
        ),
    )
    card = vnic.of_instance(cloud, machine.id)
    public = public_ip.assigned_to(cloud, card.private_ip_id)
    data = user_data.of_a_control_plane(
        authority,
        endpoint=IPv4Address(card.private_ip),
        public_ip=IPv4Address(public.ip_address) if public else None,
        vcn=cloud.store.get(Vcn, cluster.vcn_id).cidr_blocks[0],
        pods=cluster.network.pods_cidr,
        services=cluster.network.services_cidr,
        token_review_url=(
            f"{cloud.home.endpoint}/localcloud/clusters/{cluster.id}/token-review/"
            f"{cluster.review_secret}"
        ),
    )
    cloud.store.put(machine.changed(cluster_id=cluster.id, metadata={"user_data": data}))
    endpoints = ClusterEndpoints(
        private_endpoint=f"{card.private_ip}:{_PORT}",
        public_endpoint=f"{public.ip_address}:{_PORT}" if public else None,
    )
    return cloud.store.put(cluster.changed(endpoints=endpoints))


def _update(call: Call) -> Reply:
    details, cloud = wire.read(UpdateClusterDetails, call.body), call.cloud
    with cloud.store.transaction():
        cluster = active(cloud, call.target)
        resources.update(cloud, cluster, details)
        request = work_request.begin(cloud, cluster, "UPDATED", cluster_id=cluster.id)
    return work_request.named(request)


def _delete(call: Call) -> Reply:
    """Delete a cluster with its node pools, as the real service does."""
    cloud = call.cloud
    with cloud.store.transaction():
        cluster = cloud.store.get(Cluster, call.target)
        if cluster.lifecycle_state in {"DELETING", "DELETED"}:
            raise errors.incorrect_state(f"The cluster {cluster.id} is {cluster.lifecycle_state}.")
        deleting = cloud.store.put(cluster.changed(lifecycle_state="DELETING"))
        for machine in machines(cloud, cluster_id=cluster.id):
            terminate(cloud, machine)
        for pool in cloud.store.find(wire.of_kind("nodepool"), cluster_id=cluster.id):
            if getattr(pool, "lifecycle_state", "") != "DELETED":
                cloud.store.put(pool.changed(lifecycle_state="DELETING"))
        request = work_request.begin(cloud, deleting, "DELETED", cluster_id=cluster.id)
    return work_request.named(request)


def _come_up(cloud: Cloud, cluster: Cluster) -> None:
    """Wait until the API server is ready."""
    deadline, last = time.monotonic() + _READY_SECONDS, ""
    while time.monotonic() < deadline:
        if cloud.store.get(Cluster, cluster.id).lifecycle_state != "CREATING":
            return
        machine = control_plane(cloud, cluster.id)
        if machine.lifecycle_state in {"TERMINATING", "TERMINATED"}:
            last = machine.last_failure or "its machine is gone"
            break
        try:
            last = kubectl(cloud, cluster.id, "get", "--raw", "/readyz")
            # the roles that nodes need are made a moment after the start
            kubectl(cloud, cluster.id, "get", "clusterrolebinding", "system:node-proxier")
            # an API that does not answer yet confuses the clients' lists of all APIs
            kubectl(cloud, cluster.id, "get", "--raw", addons.METRICS_PATH)
        except DockerError as error:
            last = str(error)
            time.sleep(0.3)
        else:
            resources.arrive(cloud, cluster, "ACTIVE")
            return
    log.error("Cluster %s did not come up: %s", cluster.id, last)
    reason = f"no control plane: {last}{shortage()}"
    resources.arrive(cloud, cluster, "FAILED", lifecycle_details=reason)


def _go_down(cloud: Cloud, cluster: Cluster) -> None:
    """Wait until all machines of the cluster are gone."""
    while machines(cloud, cluster_id=cluster.id):
        cloud.begin_work()
        time.sleep(0.3)
    resources.arrive(cloud, cluster, "DELETED")


def _address(cluster: Cluster, endpoint: str) -> str:
    """Return the address of an endpoint; raises 400 without a public one."""
    public, private = cluster.endpoints.public_endpoint, cluster.endpoints.private_endpoint
    address = public if endpoint == "PUBLIC_ENDPOINT" else private
    if address is None:
        raise errors.invalid_parameter(
            f"The cluster {cluster.id} has no public endpoint: isPublicIpEnabled is false."
        )
    return address


class CreateClusterKubeconfigContentDetails(Details):
    """The request for a kubeconfig."""

    token_version: Literal["2.0.0"] = "2.0.0"  # noqa: S105 - a version
    expiration: int | None = None  # of the tokens of version 1 alone
    endpoint: Literal["PUBLIC_ENDPOINT", "PRIVATE_ENDPOINT"] | None = None


def _kubeconfig(call: Call) -> Reply:
    """Answer a kubeconfig whose user is made by `oci ce cluster generate-token`."""
    details = wire.read(CreateClusterKubeconfigContentDetails, call.body or b"{}")
    cluster = active(call.cloud, call.target)
    default = "PUBLIC_ENDPOINT" if cluster.endpoints.public_endpoint else "PRIVATE_ENDPOINT"
    address = _address(cluster, details.endpoint or default)
    return Reply(
        text=json.dumps(cluster_rules.kubeconfig(cluster.id, address, cluster.authority), indent=2),
        headers={"content-type": "application/x-yaml"},
    )


def _options(call: Call) -> Reply:
    """Answer the versions that a new cluster can have."""
    return Reply(body={"kubernetesVersions": cluster_rules.versions(call.cloud)})


RESOURCE_TYPE = ResourceType(
    resource=Cluster,
    operations=(
        Operation(
            name="CreateCluster",
            method="POST",
            path="/clusters",
            answer=_create,
            fields=body_fields(CreateClusterDetails),
        ),
        lists(
            "ListClusters",
            "/clusters",
            Cluster,
            ("compartmentId", "name", "lifecycleState"),
            required=("compartmentId",),
            sort_keys=("ID", "NAME"),
        ),
        reads("GetCluster", "/clusters/{clusterId}", Cluster),
        Operation(
            name="UpdateCluster",
            method="PUT",
            path="/clusters/{clusterId}",
            answer=_update,
            fields=body_fields(UpdateClusterDetails),
        ),
        Operation(
            name="DeleteCluster", method="DELETE", path="/clusters/{clusterId}", answer=_delete
        ),
        Operation(
            name="CreateKubeconfig",
            method="POST",
            path="/clusters/{clusterId}/kubeconfig/content",
            answer=_kubeconfig,
            fields=body_fields(CreateClusterKubeconfigContentDetails),
        ),
        Operation(
            name="GetClusterOptions",
            method="GET",
            path="/clusterOptions/{clusterOptionId}",
            answer=_options,
            queries=frozenset({"compartmentId", "shouldListAllPatchVersions"}),
        ),
    ),
    recurring=Recurring(seconds=cloud_controller.SECONDS, work=cloud_controller.keep),
    steps={"CREATING": _come_up, "DELETING": _go_down},
    limits="""
        - `python -m localcloud kubernetes --home DIR --program FILE` names the program of the
          clusters, which `python -m toolchain kubernetes` builds. Without it a cluster is refused.
        - A cluster is a real Kubernetes of one version, on a single control plane. Basic clusters
          and the flannel overlay alone; its network policies and add-ons are not modelled: no DNS
          of Services, no volumes. The Metrics Server runs from the start, which on a Basic cluster
          one installs.
        - A Service of type LoadBalancer has a load balancer, by the annotations of Oracle's cloud
          controller for type, shape, subnet, security groups, health check, protocol, policy, idle
          timeout, TLS ports and their secret. It writes no security rules: the management mode must
          be None. An event of the Service names anything else that is not modelled.
        - A node leaves the load balancers when it is labelled
          `node.kubernetes.io/exclude-from-external-load-balancers`, before its node pool ends it,
          or when its instance is gone. The health check decides about any other.
        - The API server takes the tokens of `oci ce cluster generate-token` from this cloud's
          users. The owner of the account may do everything; RBAC decides about any other.
        - Node pools go with their cluster. Deleted clusters stay visible as DELETED.
    """,
)
