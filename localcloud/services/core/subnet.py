"""Subnets: a part of a VCN's addresses with its own routes and security lists."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from pydantic import Field

from localcloud import ocids
from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core import cidr
from localcloud.services.core.catalogue import DOMAINS
from localcloud.services.core.private_ip import PrivateIp
from localcloud.services.core.route_table import RouteTable
from localcloud.services.core.security_list import SecurityList
from localcloud.services.core.vcn import Vcn
from localcloud.services.resources import CreateDetails, NameAndTags, Tagged

_MOST_SECURITY_LISTS = 5


class Subnet(Tagged):
    kind: ClassVar[str] = "subnet"
    vcn_id: str
    cidr_block: str
    availability_domain: str | None = None  # None: a regional subnet
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
        return IPv4Network(self.cidr_block)


class CreateSubnetDetails(CreateDetails):
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
    cidr_block: str | None = None
    dhcp_options_id: str | None = None
    route_table_id: str | None = None
    security_list_ids: list[str] | None = Field(default=None, max_length=_MOST_SECURITY_LISTS)


def create(cloud: Cloud, wish: CreateSubnetDetails) -> Subnet:
    vcn = cloud.store.related(Vcn, "vcnId", wish.vcn_id)
    if wish.availability_domain not in {None, *DOMAINS}:
        raise errors.invalid_parameter(
            f"availabilityDomain '{wish.availability_domain}' is none of {', '.join(DOMAINS)}."
        )
    network = _checked_network(cloud, vcn, wish.cidr_block)
    if wish.dns_label:
        _check_label(cloud, vcn, wish.dns_label)
    private = _is_private(wish)
    router = next(network.hosts())
    subnet = Subnet(
        **wish.common(cloud, "subnet"),
        id=ocids.mint("subnet"),
        lifecycle_state="PROVISIONING",
        vcn_id=vcn.id,
        cidr_block=wish.cidr_block,
        availability_domain=wish.availability_domain,
        dns_label=wish.dns_label,
        subnet_domain_name=f"{wish.dns_label}.{vcn.vcn_domain_name}" if wish.dns_label else None,
        dhcp_options_id=_dhcp_options(vcn, wish.dhcp_options_id),
        route_table_id=_route_table(cloud, vcn, wish.route_table_id),
        security_list_ids=_security_lists(cloud, vcn, wish.security_list_ids),
        prohibit_public_ip_on_vnic=private,
        prohibit_internet_ingress=private,
        virtual_router_ip=str(router),
        virtual_router_mac="00:00:17:" + IPv4Address(router).packed[1:].hex(":").upper(),
    )
    return resource.settle(cloud, subnet, "AVAILABLE")


def update(cloud: Cloud, subnet: Subnet, wish: UpdateSubnetDetails) -> Subnet:
    vcn = cloud.store.get(Vcn, subnet.vcn_id)
    if wish.cidr_block is not None:
        _check_resize(cloud, subnet, _checked_network(cloud, vcn, wish.cidr_block, subnet.id))
    _dhcp_options(vcn, wish.dhcp_options_id)
    _route_table(cloud, vcn, wish.route_table_id)
    _security_lists(cloud, vcn, wish.security_list_ids)
    return resource.update(cloud, subnet, wish)


def delete(cloud: Cloud, subnet: Subnet) -> None:
    resource.delete(cloud, subnet)


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
    for private_ip in cloud.store.find(PrivateIp, subnet_id=subnet.id):
        if IPv4Address(private_ip.ip_address) not in network:
            raise errors.conflict(
                f"The Private IP {private_ip.ip_address} of subnet {subnet.id} is not within the "
                f"requested CIDR {network}."
            )


def _check_label(cloud: Cloud, vcn: Vcn, label: str) -> None:
    resource.check_dns_label(label)
    if vcn.dns_label is None:
        raise errors.invalid_parameter(
            f"DNS Label {label} is not valid: the VCN {vcn.id} has no DNS label itself."
        )
    if cloud.store.find(Subnet, vcn_id=vcn.id, dns_label=label):
        raise errors.invalid_parameter(
            f"DNS Label {label} is a duplicate of one that already exists in the VCN"
        )


def _is_private(wish: CreateSubnetDetails) -> bool:
    """Decide one thing that two fields say; OCI keeps them equal and refuses a contradiction."""
    said = {wish.prohibit_public_ip_on_vnic, wish.prohibit_internet_ingress} - {None}
    if len(said) > 1:
        raise errors.invalid_parameter(
            "prohibitPublicIpOnVnic and prohibitInternetIngress must have the same value."
        )
    return True in said


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
