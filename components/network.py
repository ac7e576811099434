"""The VCN with a public subnet, its route to the internet, and its ingress rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import pulumi
from pulumi_oci import core

from components import advice
from components.labels import display_name

TCP, ICMP, ALL = "6", "1", "all"
ANYWHERE = "0.0.0.0/0"
_UNREACHABLE, _FRAGMENTATION_NEEDED = 3, 4  # of ICMP, for the discovery of a path's MTU


@dataclass(frozen=True, kw_only=True)
class IngressRule:
    """A rule that lets the IPv4 block `source` in.

    `ports` are the first and the last; without them it is each port of the protocol.
    """

    source: str
    description: str
    protocol: str = TCP
    ports: tuple[int, int] | None = None

    @property
    def slug(self) -> str:
        """Return the rule's part of its resource name, which does not depend on other rules."""
        kind = {TCP: "tcp", ICMP: "icmp", ALL: "all"}[self.protocol]
        ports = "-".join(map(str, dict.fromkeys(self.ports))) if self.ports else kind
        return f"{ports}-from-{self.source.replace('.', '-').replace('/', '-')}"


def ingress_rules(*, ssh: tuple[str, ...], http: tuple[str, ...]) -> list[IngressRule]:
    """List the rules for IPv4 blocks: SSH for the operators, HTTP and HTTPS for the users."""
    return [
        *(
            IngressRule(ports=(22, 22), source=cidr, description="SSH for deployments")
            for cidr in ssh
        ),
        *(
            IngressRule(
                ports=(port, port),
                source=cidr,
                description="the service, through the reverse proxy",
            )
            for port in (80, 443)
            for cidr in http
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Where the network is made, its IPv4 blocks, and its ingress rules."""

    compartment_id: str
    vcn_cidr: str
    subnet_cidr: str
    ingress: list[IngressRule]


class Network(pulumi.ComponentResource):
    """A VCN, a regional public subnet, and an NSG with all rules.

    The default security list is emptied: Oracle applies its rules beside the NSG's, and it opens
    SSH to the whole internet. There is no NAT or IPv6: the VM is public.
    """

    vcn_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    nsg_id: pulumi.Output[str]
    # Resources that a VM waits for. Before the egress rule it could reach nothing, and before the
    # default list is emptied it would be open to all. The ids above do not depend on them: in a
    # preview with a new rule they would be unknown, and the VM would be shown as replaced.
    ready: tuple[pulumi.Resource, ...]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:network:Network", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        vcn = core.Vcn(
            f"{name}-vcn",
            compartment_id=args.compartment_id,
            cidr_blocks=[args.vcn_cidr],
            display_name=display_name(name),
            dns_label="auth",
            opts=child,
        )
        gateway = core.InternetGateway(
            f"{name}-gateway",
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            display_name=display_name(name),
            enabled=True,  # the default, but written out so that a refresh shows a change
            opts=child,
        )
        routes = core.DefaultRouteTable(
            f"{name}-routes",
            manage_default_resource_id=vcn.default_route_table_id,
            route_rules=[
                core.DefaultRouteTableRouteRuleArgs(
                    destination=ANYWHERE,
                    destination_type="CIDR_BLOCK",
                    network_entity_id=gateway.id,
                )
            ],
            opts=child,
        )
        emptied_list = core.DefaultSecurityList(
            f"{name}-closed",
            manage_default_resource_id=vcn.default_security_list_id,
            ingress_security_rules=[],
            egress_security_rules=[],
            opts=child,
        )
        subnet = core.Subnet(
            f"{name}-subnet",
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            cidr_block=args.subnet_cidr,
            display_name=display_name(name),
            dns_label="public",
            route_table_id=vcn.default_route_table_id,
            security_list_ids=[vcn.default_security_list_id],
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=pulumi.ResourceHookBinding(
                    before_update=[
                        pulumi.ResourceHook(
                            f"{name}-subnet-block",
                            refuse_moving,
                            pulumi.ResourceHookOptions(on_dry_run=True),
                        )
                    ]
                ),
            ),
        )
        self.nsg_id, rules = security_group(
            name,
            self,
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            ingress=args.ingress,
            egress="packages, images and certificates",
        )

        self.vcn_id, self.subnet_id = vcn.id, subnet.id
        self.ready = (routes, emptied_list, *rules)
        self.register_outputs({"subnet_id": self.subnet_id, "nsg_id": self.nsg_id})


def security_group(
    name: str,
    parent: pulumi.Resource,
    *,
    compartment_id: str,
    vcn_id: pulumi.Input[str],
    ingress: Sequence[IngressRule],
    egress: str,
) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
    """Make a group in a VCN; return its OCID, and its rules, for which its members should wait.

    `egress` describes the rule that lets everything out.
    """
    child = pulumi.ResourceOptions(parent=parent)
    group = core.NetworkSecurityGroup(
        f"{name}-nsg",
        compartment_id=compartment_id,
        vcn_id=vcn_id,
        display_name=display_name(name),
        opts=child,
    )
    rules: list[pulumi.Resource] = [
        core.NetworkSecurityGroupSecurityRule(
            f"{name}-nsg-{rule.slug}",
            network_security_group_id=group.id,
            direction="INGRESS",
            protocol=rule.protocol,
            source=rule.source,
            source_type="CIDR_BLOCK",
            stateless=False,
            tcp_options=_tcp_options(rule),
            icmp_options=_icmp_options(rule),
            description=rule.description,
            opts=child,
        )
        for rule in ingress
    ]
    rules.append(
        core.NetworkSecurityGroupSecurityRule(
            f"{name}-nsg-egress",
            network_security_group_id=group.id,
            direction="EGRESS",
            protocol=ALL,
            destination=ANYWHERE,
            destination_type="CIDR_BLOCK",
            stateless=False,
            description=egress,
            opts=child,
        )
    )
    return group.id, rules


def _tcp_options(rule: IngressRule) -> core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs | None:
    if rule.ports is None:
        return None
    first, last = rule.ports
    return core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs(
        destination_port_range=(
            core.NetworkSecurityGroupSecurityRuleTcpOptionsDestinationPortRangeArgs(
                min=first, max=last
            )
        )
    )


def _icmp_options(rule: IngressRule) -> core.NetworkSecurityGroupSecurityRuleIcmpOptionsArgs | None:
    if rule.protocol != ICMP:
        return None
    return core.NetworkSecurityGroupSecurityRuleIcmpOptionsArgs(
        type=_UNREACHABLE, code=_FRAGMENTATION_NEEDED
    )


def refuse_moving(change: pulumi.ResourceHookArgs) -> None:
    """Raise ValueError for a subnet's block at another address, in a preview as well.

    Oracle changes the length of a subnet's block alone.
    """
    old, new = (_block(inputs) for inputs in (change.old_inputs, change.new_inputs))
    if new.network_address != old.network_address:
        keep = advice.of_stack(f"pulumi config set auth:subnetCidr {old}", pulumi.get_stack())
        raise ValueError(
            f"auth:subnetCidr is {new}, but the subnet has {old}, and Oracle changes no subnet's "
            f"first address. Keep the block: {keep}. A network at other addresses is a new stack, "
            "or this one after `make down`, which deletes its data."
        )


def _block(inputs: Any) -> IPv4Network:
    return IPv4Network((inputs or {})["cidrBlock"])
