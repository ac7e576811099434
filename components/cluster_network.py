"""The subnets of a cluster in the stack's VCN, with the rules between its parts.

Source of the rules:
https://docs.oracle.com/en-us/iaas/Content/ContEng/Concepts/contengnetworkconfig.htm
"""

from dataclasses import dataclass

import pulumi
from pulumi_oci import core

from components.labels import display_name
from components.network import ALL, ANYWHERE, ICMP, IngressRule, Network, security_group

API_PORT = 6443
_JOIN_PORT = 12250  # of the API, for new nodes
_NODE_PORTS = (30000, 32767)
_PROXY_HEALTH_PORT = 10256


def endpoint_rules(*, operators: tuple[str, ...], nodes: str) -> list[IngressRule]:
    """List the rules of the API: for the operators' and the nodes' IPv4 blocks."""
    return [
        *(
            IngressRule(
                source=cidr, ports=(API_PORT, API_PORT), description="the API for operators"
            )
            for cidr in operators
        ),
        IngressRule(source=nodes, ports=(API_PORT, API_PORT), description="the API for nodes"),
        IngressRule(source=nodes, ports=(_JOIN_PORT, _JOIN_PORT), description="new nodes"),
        IngressRule(source=nodes, protocol=ICMP, description="discovery of the MTU"),
    ]


def node_rules(*, endpoint: str, nodes: str, balancer: str) -> list[IngressRule]:
    """List the rules of the nodes: for the IPv4 blocks of the API, the nodes, the balancer."""
    return [
        IngressRule(source=nodes, protocol=ALL, description="pods of other nodes"),
        IngressRule(source=endpoint, description="logs, metrics and commands, by the API"),
        IngressRule(source=ANYWHERE, protocol=ICMP, description="discovery of the MTU"),
        IngressRule(source=balancer, ports=_NODE_PORTS, description="requests, and health checks"),
        IngressRule(
            source=balancer,
            ports=(_PROXY_HEALTH_PORT, _PROXY_HEALTH_PORT),
            description="health checks of the nodes",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class ClusterNetworkArgs:
    """The stack's network, the IPv4 blocks of the subnets, and those of the API's users."""

    compartment_id: str
    network: Network
    endpoint_subnet_cidr: str
    node_subnet_cidr: str
    balancer_subnet_cidr: str
    operators: tuple[str, ...]
    protect: bool


class ClusterNetwork(pulumi.ComponentResource):
    """A subnet and an NSG for the API, the same for the nodes, and the load balancer's address.

    Both subnets are public: the API is reached by the operators, and nodes fetch images. The NSG
    of the nodes lets nobody in from the internet. The load balancer is in the VCN's public subnet,
    in the place of a VM; its address is reserved, and outlives it.
    """

    address: pulumi.Output[str]

    endpoint_subnet_id: pulumi.Output[str]
    endpoint_nsg_id: pulumi.Output[str]
    node_subnet_id: pulumi.Output[str]
    node_nsg_id: pulumi.Output[str]
    # Resources that the cluster waits for: without the rules no node could join.
    ready: tuple[pulumi.Resource, ...]

    def __init__(
        self, name: str, args: ClusterNetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:network:ClusterNetwork", name, None, opts)
        self._args = args
        self.endpoint_subnet_id = self._subnet(f"{name}-endpoint", args.endpoint_subnet_cidr)
        self.node_subnet_id = self._subnet(f"{name}-nodes", args.node_subnet_cidr)
        self.endpoint_nsg_id, rules_of_endpoint = self._group(
            f"{name}-endpoint",
            endpoint_rules(operators=args.operators, nodes=args.node_subnet_cidr),
        )
        self.node_nsg_id, rules_of_nodes = self._group(
            f"{name}-nodes",
            node_rules(
                endpoint=args.endpoint_subnet_cidr,
                nodes=args.node_subnet_cidr,
                balancer=args.balancer_subnet_cidr,
            ),
        )
        self.address = core.PublicIp(
            f"{name}-balancer-address",
            compartment_id=args.compartment_id,
            lifetime="RESERVED",
            display_name=display_name(f"{name}-balancer"),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect,
                # Oracle assigns it to the load balancer
                ignore_changes=["privateIpId"],
            ),
        ).ip_address
        self.ready = (*args.network.ready, *rules_of_endpoint, *rules_of_nodes)
        self.register_outputs(
            {"endpoint_subnet_id": self.endpoint_subnet_id, "node_subnet_id": self.node_subnet_id}
        )

    def _subnet(self, name: str, block: str) -> pulumi.Output[str]:
        return core.Subnet(
            f"{name}-subnet",
            compartment_id=self._args.compartment_id,
            vcn_id=self._args.network.vcn_id,
            cidr_block=block,
            display_name=display_name(name),
            dns_label=name.rpartition("-")[2],
            opts=pulumi.ResourceOptions(parent=self),
        ).id

    def _group(
        self, name: str, rules: list[IngressRule]
    ) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        return security_group(
            name,
            self,
            compartment_id=self._args.compartment_id,
            vcn_id=self._args.network.vcn_id,
            ingress=rules,
            egress="Oracle's services, images, and each other",
        )
