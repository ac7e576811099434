"""The rules of a cluster's request, and the form of its kubeconfig."""

import base64
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.certificates import KeyPair
from localcloud.cloud import Cloud
from localcloud.ocids import REGION
from localcloud.services.core import cidr
from localcloud.services.core.subnet import Subnet
from localcloud.services.core.vcn import Vcn

if TYPE_CHECKING:
    from localcloud.services.container_engine.cluster import CreateClusterDetails


class ClusterEndpointConfig(Details):
    """The place of the API server in the network."""

    subnet_id: str
    nsg_ids: list[str] = Field(default_factory=list)
    is_public_ip_enabled: bool = False


class KubernetesNetworkConfig(Details):
    """The networks of pods and Services, inside the cluster alone."""

    pods_cidr: str = "10.244.0.0/16"
    services_cidr: str = "10.96.0.0/16"


class ClusterCreateOptions(Details):
    """The networks of a cluster, and the subnets for its load balancers; those without effect."""

    kubernetes_network_config: KubernetesNetworkConfig = KubernetesNetworkConfig()
    service_lb_subnet_ids: list[str] = Field(default_factory=list)


class ClusterPodNetworkOption(Details):
    """The kind of the pods' network."""

    cni_type: Literal["FLANNEL_OVERLAY"] = "FLANNEL_OVERLAY"


def check(cloud: Cloud, details: "CreateClusterDetails") -> ClusterEndpointConfig:
    """Return the place of the API server; raises 400 for a request that can't be met."""
    if cloud.machines.kubernetes is None:
        raise errors.not_enforceable(
            "This cloud has no program for clusters. Build it with `python -m toolchain "
            "kubernetes`, and name it: python -m localcloud kubernetes --home "
            f"{cloud.home.path} --program FILE"
        )
    check_version(cloud, details.kubernetes_version)
    if details.type != "BASIC_CLUSTER":
        raise errors.not_implemented("enhanced clusters (type ENHANCED_CLUSTER)")
    if details.endpoint_config is None:
        raise errors.missing_parameter(["endpointConfig"])
    vcn = cloud.store.related(Vcn, "vcnId", details.vcn_id)
    subnet = cloud.store.related(Subnet, "subnetId", details.endpoint_config.subnet_id)
    if subnet.vcn_id != vcn.id:
        raise errors.invalid_parameter(f"The subnet {subnet.id} is in another VCN than {vcn.id}.")
    own = details.options.kubernetes_network_config
    pods, services = cidr.parse(own.pods_cidr), cidr.parse(own.services_cidr)
    named = [("podsCidr", pods), ("servicesCidr", services)]
    blocks = [(f"VCN {vcn.id}", block) for block in vcn.networks]
    for field, network in named:
        _refuse_overlap(field, network, blocks)
    _refuse_overlap("podsCidr", pods, [("servicesCidr", services)])
    return details.endpoint_config


def check_version(cloud: Cloud, version: str) -> None:
    """Raise 400 unless this cloud's program has the version."""
    if version not in versions(cloud):
        raise errors.invalid_parameter(
            f"kubernetesVersion '{version}' is not supported. Supported: "
            f"{', '.join(versions(cloud)) or 'none'}."
        )


def versions(cloud: Cloud) -> list[str]:
    """Return the version of this cloud's program, such as `v1.34.4`; empty without a program."""
    program = cloud.machines.kubernetes
    return [program.version] if program else []


def _refuse_overlap(
    field: str, network: IPv4Network, others: list[tuple[str, IPv4Network]]
) -> None:
    for name, other in others:
        if network.overlaps(other):
            raise errors.invalid_parameter(
                f"{field} {network} overlaps {other} of {name}; take another block."
            )


def kubeconfig(cluster_id: str, address: str, authority: KeyPair) -> dict[str, Any]:
    """Return a kubeconfig, as Oracle's Console gives it; the command `oci` makes the tokens."""
    short = cluster_id[-11:]
    certificate = base64.b64encode(authority.certificate.encode()).decode()
    arguments = ["ce", "cluster", "generate-token", "--cluster-id", cluster_id, "--region", REGION]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": f"cluster-{short}",
                "cluster": {
                    "server": f"https://{address}",
                    "certificate-authority-data": certificate,
                },
            }
        ],
        "users": [
            {
                "name": f"user-{short}",
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "interactiveMode": "Never",
                        "command": "oci",
                        "args": arguments,
                        "env": [],
                    }
                },
            }
        ],
        "contexts": [
            {
                "name": f"context-{short}",
                "context": {"cluster": f"cluster-{short}", "user": f"user-{short}"},
            }
        ],
        "current-context": f"context-{short}",
    }
