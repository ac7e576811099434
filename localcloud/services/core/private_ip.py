"""Private addresses: a single address a VNIC, by default the lowest free address of the subnet."""

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import ClassVar

from pydantic import AwareDatetime

from localcloud import ocids
from localcloud.api import errors
from localcloud.api.operation import lists, reads
from localcloud.api.wire import Resource
from localcloud.cloud import Cloud
from localcloud.resources import Tags
from localcloud.service import ResourceType


class PrivateIp(Resource):
    """The private address of a VNIC."""

    kind: ClassVar[str] = "privateip"
    title: ClassVar[str] = "Private IP"
    id: str
    availability_domain: str
    compartment_id: str
    display_name: str
    freeform_tags: Tags
    hostname_label: str | None = None
    ip_address: str
    ip_state: str = "ASSIGNED"
    lifetime: str = "EPHEMERAL"
    is_primary: bool = True
    subnet_id: str
    vnic_id: str
    time_created: AwareDatetime


def allocate(cloud: Cloud, subnet_id: str, network: IPv4Network, requested: str | None) -> str:
    """Return `requested` if it can be had, else the lowest free address.

    OCI keeps the first two and the last address of each subnet: network, router, broadcast.
    """
    taken = {ip.ip_address for ip in cloud.store.find(PrivateIp, subnet_id=subnet_id)}
    if requested is None:
        free = next((str(ip) for ip in _usable(network) if str(ip) not in taken), None)
        if free is None:
            raise errors.limit_exceeded("private-ip-per-subnet-count")
        return free
    try:
        address = IPv4Address(requested)
    except AddressValueError as error:
        raise _invalid(f"privateIp '{requested}' is no IPv4 address") from error
    if address not in network or address in (network[0], network[1], network[-1]):
        raise _invalid(f"privateIp {requested} is not a usable address of the subnet's {network}")
    if requested in taken:
        raise errors.conflict(
            f"The IP address {requested} is already in use in subnet {subnet_id}."
        )
    return requested


def of_a_service(
    cloud: Cloud,
    owner: str,
    *,
    compartment_id: str,
    subnet_id: str,
    availability_domain: str,
    address: str,
) -> PrivateIp:
    """Store the address of a service's own resource, which has no VNIC here."""
    return cloud.store.put(
        PrivateIp(
            id=ocids.mint(PrivateIp.kind),
            availability_domain=availability_domain,
            compartment_id=compartment_id,
            display_name=owner,
            freeform_tags={},
            time_created=cloud.now(),
            ip_address=address,
            subnet_id=subnet_id,
            vnic_id=ocids.mint("vnic"),
        )
    )


def _usable(network: IPv4Network) -> Iterator[IPv4Address]:
    hosts = network.hosts()
    next(hosts)
    return iter(hosts)


def _invalid(why: str) -> errors.ApiError:
    return errors.invalid_parameter(f"Invalid VNIC creation parameters: {why}.")


_FILTERS = ("vnicId", "subnetId", "ipAddress")

RESOURCE_TYPE = ResourceType(
    resource=PrivateIp,
    operations=(
        lists("ListPrivateIps", "/privateIps", PrivateIp, _FILTERS, required=()),
        reads("GetPrivateIp", "/privateIps/{privateIpId}", PrivateIp),
        lists(
            "ListIpv6s",
            "/ipv6",
            PrivateIp,
            _FILTERS,
            required=(),
            find=lambda _: (),  # no VCN has IPv6
        ),
    ),
)
