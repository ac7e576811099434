"""Subnets: a part of a VCN's addresses with its own routes and security lists."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from pydantic import Field

from localcloud import resources
from localcloud.api import errors
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, SettlingResource
from localcloud.service import ResourceType
from localcloud.services.core import cidr
from localcloud.services.core.filters import IN_VCN
from localcloud.services.core.private_ip import PrivateIp
from localcloud.services.core.route_table import RouteTable
from localcloud.services.core.security_list import SecurityList
from localcloud.services.core.vcn import Vcn
from localcloud.services.identity.availability_domain import DOMAINS
from localcloud.services.work_requests import moves

_MOST_SECURITY_LISTS = 5


class Subnet(SettlingResource):
    """A subnet; both `prohibit` fields have the same value."""

    kind: ClassVar[str] = "subnet"
    title: ClassVar[str] = "Subnet"
    vcn_id: str
    cidr_block: str
    availability_domain: str | None = None  # absent: a regional subnet
    dns_label: str | None = None
    subnet_domain_name: str | None = None
    dhcp_options_id: str
    route_table_id: str
    security_list_ids: list[str]
    prohibit_public_ip_on_vnic: bool
    prohibit_internet_ingress: bool
    virtual_router_ip: str
    virtual_router_mac: str

    @property
    def network(self) -> IPv4Network:
        """The subnet's block."""
        return IPv4Network(self.cidr_block)


class CreateSubnetDetails(CreateDetails):
    """The request for a subnet."""

    vcn_id: str
    cidr_block: str
    availability_domain: str | None = None
    dns_label: str | None = None
    dhcp_options_id: str | None = None
    route_table_id: str | None = None
    security_list_ids: list[str] | None = Field(default=None, max_length=_MOST_SECURITY_LISTS)
    prohibit_public_ip_on_vnic: bool | None = None
    prohibit_internet_ingress: bool | None = None


class UpdateSubnetDetails(NameAndTags):
    """The update of a subnet."""

    cidr_block: str | None = None
    dhcp_options_id: str | None = None
    route_table_id: str | None = None
    security_list_ids: list[str] | None = Field(default=None, max_length=_MOST_SECURITY_LISTS)


def create(cloud: Cloud, details: CreateSubnetDetails) -> Subnet:
    """Create a subnet; raises 400 for a block outside the VCN or over another subnet's."""
    vcn = cloud.store.related(Vcn, "vcnId", details.vcn_id)
    if details.availability_domain not in {None, *DOMAINS}:
        raise errors.invalid_parameter(
            f"availabilityDomain '{details.availability_domain}' is none of {', '.join(DOMAINS)}."
        )
    network = _checked_network(cloud, vcn, details.cidr_block)
    if details.dns_label:
        _check_label(cloud, vcn, details.dns_label)
    private = _is_private(details)
    router = next(network.hosts())
    subnet = Subnet(
        **details.common(cloud, Subnet),
        lifecycle_state="PROVISIONING",
        vcn_id=vcn.id,
        cidr_block=details.cidr_block,
        availability_domain=details.availability_domain,
        dns_label=details.dns_label,
        subnet_domain_name=f"{details.dns_label}.{vcn.vcn_domain_name}"
        if details.dns_label
        else None,
        dhcp_options_id=_dhcp_options(vcn, details.dhcp_options_id),
        route_table_id=_route_table(cloud, vcn, details.route_table_id),
        security_list_ids=_security_lists(cloud, vcn, details.security_list_ids),
        prohibit_public_ip_on_vnic=private,
        prohibit_internet_ingress=private,
        virtual_router_ip=str(router),
        virtual_router_mac="00:00:17:" + IPv4Address(router).packed[1:].hex(":").upper(),
    )
    return resources.settle(cloud, subnet)


def update(cloud: Cloud, subnet: Subnet, details: UpdateSubnetDetails) -> Subnet:
    """Change a subnet; raises 409 for a block without an address that is in use."""
    vcn = cloud.store.get(Vcn, subnet.vcn_id)
    if details.cidr_block is not None:
        _check_resize(cloud, subnet, _checked_network(cloud, vcn, details.cidr_block, subnet.id))
    _dhcp_options(vcn, details.dhcp_options_id)
    _route_table(cloud, vcn, details.route_table_id)
    _security_lists(cloud, vcn, details.security_list_ids)
    return resources.update(cloud, subnet, details)


def _checked_network(cloud: Cloud, vcn: Vcn, text: str, own_id: str = "") -> IPv4Network:
    network = cidr.parse_sized(text)
    if not any(network.subnet_of(block) for block in vcn.networks):
        raise errors.invalid_parameter(
            f"The requested CIDR {text} is invalid: it is not within the VCN's CIDR "
            f"{', '.join(vcn.cidr_blocks)}."
        )
    neighbours = cloud.store.find(Subnet, vcn_id=vcn.id)
    cidr.refuse_overlap(
        network,
        ((f"Subnet {other.id}", other.network) for other in neighbours if other.id != own_id),
    )
    return network


def _check_resize(cloud: Cloud, subnet: Subnet, network: IPv4Network) -> None:
    """Check Oracle's criteria for another block: the same first address, all addresses in use.

    https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/datatypes/UpdateSubnetDetails. The
    answer is a 400, since the official provider repeats a request after a 409.
    """
    if network.network_address != subnet.network.network_address:
        raise errors.invalid_parameter(
            f"The requested CIDR {network} is invalid: it must use the same network address as the "
            f"CIDR {subnet.cidr_block} of subnet {subnet.id}."
        )
    for private_ip in cloud.store.find(PrivateIp, subnet_id=subnet.id):
        address = IPv4Address(private_ip.ip_address)
        if address not in network or address == network.broadcast_address:
            raise errors.invalid_parameter(
                f"The requested CIDR {network} is invalid: it has no place for the Private IP "
                f"{address}, which subnet {subnet.id} uses."
            )


def _check_label(cloud: Cloud, vcn: Vcn, label: str) -> None:
    resources.check_dns_label(label)
    if vcn.dns_label is None:
        raise errors.invalid_parameter(
            f"DNS Label {label} is not valid: the VCN {vcn.id} has no DNS label itself."
        )
    if cloud.store.find(Subnet, vcn_id=vcn.id, dns_label=label):
        raise errors.invalid_parameter(
            f"DNS Label {label} is a duplicate of one that already exists in the VCN"
        )


def _is_private(details: CreateSubnetDetails) -> bool:
    """Return the value of both `prohibit` fields; raises 400 for a contradiction, as OCI does."""
    values = {details.prohibit_public_ip_on_vnic, details.prohibit_internet_ingress} - {None}
    if len(values) > 1:
        raise errors.invalid_parameter(
            "prohibitPublicIpOnVnic and prohibitInternetIngress must have the same value."
        )
    return True in values


def _dhcp_options(vcn: Vcn, ocid: str | None) -> str:
    if ocid not in {None, vcn.default_dhcp_options_id}:
        raise errors.related_resource_not_found("dhcpOptionsId", str(ocid))
    return vcn.default_dhcp_options_id


def _route_table(cloud: Cloud, vcn: Vcn, ocid: str | None) -> str:
    if ocid is None:
        return vcn.default_route_table_id
    if cloud.store.related(RouteTable, "routeTableId", ocid).vcn_id != vcn.id:
        raise errors.invalid_parameter(f"The route table {ocid} is in another VCN.")
    return ocid


def _security_lists(cloud: Cloud, vcn: Vcn, ids: Sequence[str] | None) -> list[str]:
    if not ids:
        return [vcn.default_security_list_id]
    for ocid in ids:
        if cloud.store.related(SecurityList, "securityListIds", ocid).vcn_id != vcn.id:
            raise errors.invalid_parameter(f"The security list {ocid} is in another VCN.")
    return list(ids)


RESOURCE_TYPE = ResourceType(
    resource=Subnet,
    operations=(
        creates("CreateSubnet", "/subnets", Subnet, CreateSubnetDetails, create),
        lists("ListSubnets", "/subnets", Subnet, IN_VCN),
        reads("GetSubnet", "/subnets/{subnetId}", Subnet),
        updates("UpdateSubnet", "/subnets/{subnetId}", Subnet, UpdateSubnetDetails, update),
        moves("ChangeSubnetCompartment", "/subnets/{subnetId}", Subnet),
        deletes("DeleteSubnet", "/subnets/{subnetId}", Subnet, resources.delete),
    ),
)
