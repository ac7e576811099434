"""Virtual cloud networks. Each comes with a route table, a security list and DHCP options."""

from ipaddress import IPv4Network
from typing import Any, ClassVar, Literal

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, SettlingResource
from localcloud.service import ResourceType
from localcloud.services.core import cidr
from localcloud.services.core.route_table import RouteTable
from localcloud.services.core.security_list import SecurityList, default_rules
from localcloud.services.work_requests import moves

_MOST_BLOCKS = 5


class Vcn(SettlingResource):
    """A virtual cloud network."""

    kind: ClassVar[str] = "vcn"
    title: ClassVar[str] = "VCN"
    cidr_block: str
    cidr_blocks: list[str]
    dns_label: str | None = None
    vcn_domain_name: str | None = None
    default_route_table_id: str
    default_security_list_id: str
    default_dhcp_options_id: str

    @property
    def networks(self) -> list[IPv4Network]:
        """The VCN's blocks."""
        return [IPv4Network(block) for block in self.cidr_blocks]


class CreateVcnDetails(CreateDetails):
    """The request for a VCN."""

    cidr_block: str | None = None
    cidr_blocks: list[str] | None = None
    dns_label: str | None = None
    is_ipv6_enabled: Literal[False] | None = None


class UpdateVcnDetails(NameAndTags):
    """The update of a VCN: name and tags."""


def create(cloud: Cloud, details: CreateVcnDetails) -> Vcn:
    """Create a VCN with its default route table, security list and DHCP options."""
    blocks = _checked_blocks(details)
    if details.dns_label:
        resources.check_dns_label(details.dns_label)
    vcn = Vcn(
        **details.common(cloud, Vcn),
        lifecycle_state="PROVISIONING",
        cidr_block=blocks[0],
        cidr_blocks=blocks,
        dns_label=details.dns_label,
        vcn_domain_name=f"{details.dns_label}.oraclevcn.com" if details.dns_label else None,
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
    return resources.settle(cloud, vcn)


def delete(cloud: Cloud, vcn: Vcn) -> None:
    """Delete a VCN with its defaults; raises 409 while it has any other part."""
    resources.delete(cloud, vcn, own={vcn.default_route_table_id, vcn.default_security_list_id})


def _checked_blocks(details: CreateVcnDetails) -> list[str]:
    if details.cidr_block is not None and details.cidr_blocks is not None:
        raise errors.invalid_parameter("Give either cidrBlock or cidrBlocks, not both.")
    blocks = details.cidr_blocks if details.cidr_block is None else [details.cidr_block]
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


RESOURCE_TYPE = ResourceType(
    resource=Vcn,
    operations=(
        creates("CreateVcn", "/vcns", Vcn, CreateVcnDetails, create),
        lists("ListVcns", "/vcns", Vcn, ("compartmentId", "displayName", "lifecycleState")),
        reads("GetVcn", "/vcns/{vcnId}", Vcn),
        updates("UpdateVcn", "/vcns/{vcnId}", Vcn, UpdateVcnDetails, resources.update),
        moves("ChangeVcnCompartment", "/vcns/{vcnId}", Vcn),
        deletes("DeleteVcn", "/vcns/{vcnId}", Vcn, delete),
    ),
    limits="""
        - A deleted network resource or public IP is gone at once (404).
    """,
)
