"""Virtual cloud networks. Each comes with a route table, a security list and DHCP options."""

from ipaddress import IPv4Network
from typing import Any, ClassVar, Literal

from localcloud import ocids
from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core import cidr
from localcloud.services.core.route_table import RouteTable
from localcloud.services.core.security_list import SecurityList, default_rules
from localcloud.services.resources import CreateDetails, NameAndTags, Tagged

_MOST_BLOCKS = 5


class Vcn(Tagged):
    kind: ClassVar[str] = "vcn"
    cidr_block: str
    cidr_blocks: list[str]
    dns_label: str | None = None
    vcn_domain_name: str | None = None
    default_route_table_id: str
    default_security_list_id: str
    default_dhcp_options_id: str

    @property
    def networks(self) -> list[IPv4Network]:
        return [IPv4Network(block) for block in self.cidr_blocks]


class CreateVcnDetails(CreateDetails):
    cidr_block: str | None = None
    cidr_blocks: list[str] | None = None
    dns_label: str | None = None
    is_ipv6_enabled: Literal[False] | None = None


class UpdateVcnDetails(NameAndTags):
    pass


def create(cloud: Cloud, wish: CreateVcnDetails) -> Vcn:
    blocks = _checked_blocks(wish)
    if wish.dns_label:
        resource.check_dns_label(wish.dns_label)
    vcn = Vcn(
        **wish.common(cloud, "vcn"),
        id=ocids.mint("vcn"),
        lifecycle_state="PROVISIONING",
        cidr_block=blocks[0],
        cidr_blocks=blocks,
        dns_label=wish.dns_label,
        vcn_domain_name=f"{wish.dns_label}.oraclevcn.com" if wish.dns_label else None,
        default_route_table_id=ocids.mint("routetable"),
        default_security_list_id=ocids.mint("securitylist"),
        default_dhcp_options_id=ocids.mint("dhcpoptions"),
    )
    part: dict[str, Any] = {
        "compartment_id": vcn.compartment_id,
        "vcn_id": vcn.id,
        "lifecycle_state": "AVAILABLE",
        "time_created": vcn.time_created,
    }
    cloud.store.put(
        RouteTable(
            **part,
            id=vcn.default_route_table_id,
            display_name=f"Default Route Table for {vcn.display_name}",
        )
    )
    cloud.store.put(
        SecurityList(
            **part,
            **default_rules(blocks),
            id=vcn.default_security_list_id,
            display_name=f"Default Security List for {vcn.display_name}",
        )
    )
    return resource.settle(cloud, vcn, "AVAILABLE")


def delete(cloud: Cloud, vcn: Vcn) -> None:
    resource.delete(cloud, vcn, own={vcn.default_route_table_id, vcn.default_security_list_id})


def _checked_blocks(wish: CreateVcnDetails) -> list[str]:
    if wish.cidr_block is not None and wish.cidr_blocks is not None:
        raise errors.invalid_parameter("Give either cidrBlock or cidrBlocks, not both.")
    blocks = wish.cidr_blocks if wish.cidr_block is None else [wish.cidr_block]
    if not blocks:
        raise errors.missing_parameter(["cidrBlock", "cidrBlocks"])
    if len(blocks) > _MOST_BLOCKS:
        raise errors.invalid_parameter(f"A VCN has at most {_MOST_BLOCKS} CIDR blocks.")
    taken: list[tuple[str, IPv4Network]] = []
    for text in blocks:
        block = cidr.parse_sized(text)
        cidr.refuse_overlap(block, taken)
        taken.append(("the same VCN's", block))
    return blocks
