"""The VCN with one public subnet, its way to the internet, and who may come in."""

from dataclasses import dataclass

import pulumi
from pulumi_oci import core

TCP = "6"
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class Ingress:
    """One opening: TCP `port` for the IPv4 block `source`."""

    port: int
    source: str
    reason: str

    @property
    def slug(self) -> str:
        """Name of the rule's resource: stable when other rules come and go."""
        return f"{self.port}-from-{self.source.replace('.', '-').replace('/', '-')}"


def openings(*, ssh: tuple[str, ...], http: tuple[str, ...]) -> list[Ingress]:
    """List what the network lets in: SSH for the operators, HTTP and HTTPS for the users."""
    return [
        *(Ingress(port=22, source=cidr, reason="SSH for deployments") for cidr in ssh),
        *(
            Ingress(port=port, source=cidr, reason="the service, through the reverse proxy")
            for port in (80, 443)
            for cidr in http
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    compartment_id: str
    vcn_cidr: str
    subnet_cidr: str
    ingress: list[Ingress]


class Network(pulumi.ComponentResource):
    """One VCN, one regional public subnet, one NSG that holds every rule.

    The default security list is emptied: its rules and an NSG's add up, and it opens SSH to the
    whole internet. No private subnet, NAT or IPv6: there is one VM, and it is public.
    """

    subnet_id: pulumi.Output[str]
    nsg_id: pulumi.Output[str]
    # What a VM waits for: one that boots before its egress rule can't reach anything, one before
    # the default list is emptied is open to all. Not part of the ids: of a new rule those would be
    # unknown, and a preview would show a new VM.
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
            display_name=name,
            dns_label="auth",
            opts=child,
        )
        gateway = core.InternetGateway(
            f"{name}-gateway",
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            display_name=name,
            enabled=True,  # the default, said so that a refresh shows when somebody turned it off
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
        closed = core.DefaultSecurityList(
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
            display_name=name,
            dns_label="public",
            route_table_id=vcn.default_route_table_id,
            security_list_ids=[vcn.default_security_list_id],
            opts=child,
        )
        nsg = core.NetworkSecurityGroup(
            f"{name}-nsg",
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            display_name=name,
            opts=child,
        )
        rules = [
            core.NetworkSecurityGroupSecurityRule(
                f"{name}-nsg-{rule.slug}",
                network_security_group_id=nsg.id,
                direction="INGRESS",
                protocol=TCP,
                source=rule.source,
                source_type="CIDR_BLOCK",
                stateless=False,
                tcp_options=core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs(
                    destination_port_range=(
                        core.NetworkSecurityGroupSecurityRuleTcpOptionsDestinationPortRangeArgs(
                            min=rule.port, max=rule.port
                        )
                    )
                ),
                description=rule.reason,
                opts=child,
            )
            for rule in args.ingress
        ]
        rules.append(
            core.NetworkSecurityGroupSecurityRule(
                f"{name}-nsg-egress",
                network_security_group_id=nsg.id,
                direction="EGRESS",
                protocol="all",
                destination=ANYWHERE,
                destination_type="CIDR_BLOCK",
                stateless=False,
                description="packages, images and certificates",
                opts=child,
            )
        )

        self.subnet_id, self.nsg_id = subnet.id, nsg.id
        self.ready = (routes, closed, *rules)
        self.register_outputs({"subnet_id": self.subnet_id, "nsg_id": self.nsg_id})
