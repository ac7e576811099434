"""The plan of a cluster: its size, its place in the VCN, and the replicas of the service."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """A cluster's version, its number of nodes, and the IPv4 blocks of its subnets.

    `kubernetes_version` is a version such as v1.34.1, or v1.34 for its newest patch.
    """

    kubernetes_version: str
    nodes: int
    endpoint_subnet_cidr: str
    node_subnet_cidr: str
    replicas: "Replicas"
    certificate: "Certificate | None"  # None: the load balancer serves plain HTTP
    acme_thumbprint: str  # of the account at the CA; "" without one


@dataclass(frozen=True, kw_only=True)
class Replicas:
    """The least and the most containers of the service."""

    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate of the load balancer with those that sign it, and its private key, in PEM."""

    chain: str
    key: "pulumi.Output[str]"
