"""Public addresses: a reserved address outlives its instance, an ephemeral address does not."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from localcloud import ocids, resources
from localcloud.api import errors, wire
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    creates,
    deletes,
    describe,
    lists,
    reads,
    updates,
)
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, Tagged
from localcloud.service import ResourceType
from localcloud.services.core.private_ip import PrivateIp
from localcloud.services.core.subnet import Subnet
from localcloud.services.work_requests import moves


class PublicIp(Tagged):
    """A public address, reserved or ephemeral."""

    kind: ClassVar[str] = "publicip"
    title: ClassVar[str] = "Public IP"
    settles: ClassVar[Mapping[str, str]] = {
        "PROVISIONING": "AVAILABLE",
        "ASSIGNING": "ASSIGNED",
        "UNASSIGNING": "AVAILABLE",
    }
    ip_address: str
    lifetime: Literal["RESERVED", "EPHEMERAL"]
    scope: Literal["REGION", "AVAILABILITY_DOMAIN"]
    availability_domain: str | None = None
    private_ip_id: str | None = None  # deprecated form of `assigned_entity_id`
    assigned_entity_id: str | None = None
    assigned_entity_type: Literal["PRIVATE_IP"] | None = None


class CreatePublicIpDetails(CreateDetails):
    """The request for a public address."""

    lifetime: Literal["RESERVED", "EPHEMERAL"]
    private_ip_id: str | None = None


class UpdatePublicIpDetails(NameAndTags):
    """The update of a public address."""

    private_ip_id: str | None = None  # "" takes the address away


def create(cloud: Cloud, details: CreatePublicIpDetails) -> PublicIp:
    """Create a reserved address, or an ephemeral address for a private IP without any."""
    if details.lifetime == "EPHEMERAL":
        return _create_ephemeral(cloud, details)
    reserved = PublicIp(
        **details.common(cloud, PublicIp),
        lifecycle_state="PROVISIONING",
        ip_address=_free_address(cloud),
        lifetime="RESERVED",
        scope="REGION",
    )
    cloud.store.put(reserved)
    if details.private_ip_id:
        return _assign(cloud, reserved, details.private_ip_id)
    return resources.settle(cloud, reserved)


def _create_ephemeral(cloud: Cloud, details: CreatePublicIpDetails) -> PublicIp:
    """Create a public address that lives as long as its private IP."""
    if details.private_ip_id is None:
        raise errors.missing_parameter(["privateIpId"])
    target = _target(cloud, details.private_ip_id)
    place = {"availability_domain": target.availability_domain}
    return assign_ephemeral(cloud, target.id, {**details.common(cloud, PublicIp), **place})


def update(cloud: Cloud, address: PublicIp, details: UpdatePublicIpDetails) -> PublicIp:
    """Change names, and assign a reserved address to a private IP, or unassign it."""
    names = details.model_copy(update={"private_ip_id": None})
    address = resources.update(cloud, address, names)
    if details.private_ip_id is None or details.private_ip_id == (address.private_ip_id or ""):
        return address
    if address.lifetime == "EPHEMERAL":
        raise errors.incorrect_state(f"The ephemeral public IP {address.id} can't be moved.")
    if details.private_ip_id == "":
        return resources.settle(cloud, _unassigned(address).changed(lifecycle_state="UNASSIGNING"))
    return _assign(cloud, address, details.private_ip_id)


def delete(cloud: Cloud, address: PublicIp) -> None:
    """Delete an address, assigned or not, as the real service does."""
    cloud.store.remove(address.id)


def assigned_to(cloud: Cloud, private_ip_id: str) -> PublicIp | None:
    """Return the public address of a private IP."""
    addresses = cloud.store.find(PublicIp, private_ip_id=private_ip_id)
    return addresses[0] if addresses else None


def assign_ephemeral(cloud: Cloud, private_ip_id: str, common: dict[str, Any]) -> PublicIp:
    """Store an ephemeral address for a private IP; `common` holds fields of its owner."""
    now = cloud.now()
    fields = {
        "id": ocids.mint("publicip"),
        "display_name": f"publicip{now:%Y%m%d%H%M%S}",
        "time_created": now,
        **common,
    }
    return cloud.store.put(
        PublicIp(
            **fields,
            lifecycle_state="ASSIGNED",
            ip_address=_free_address(cloud),
            lifetime="EPHEMERAL",
            scope="AVAILABILITY_DOMAIN",
            **_assignment(private_ip_id),
        )
    )


def assign(cloud: Cloud, address: PublicIp, private_ip_id: str) -> PublicIp:
    """Assign a reserved address to a private IP; raises 409 for one that is taken."""
    if address.private_ip_id is not None:
        raise errors.conflict(
            f"The public IP {address.id} is already assigned to {address.assigned_entity_id}."
        )
    return _assign(cloud, address, private_ip_id)


def release(cloud: Cloud, private_ip_id: str) -> None:
    """Unassign the public address of a private IP that goes away."""
    address = assigned_to(cloud, private_ip_id)
    if address is None:
        return
    if address.lifetime == "EPHEMERAL":
        cloud.store.remove(address.id)
    else:
        cloud.store.put(_unassigned(address).changed(lifecycle_state="AVAILABLE"))


def _assign(cloud: Cloud, address: PublicIp, private_ip_id: str) -> PublicIp:
    target = _target(cloud, private_ip_id)
    assigning = address.changed(lifecycle_state="ASSIGNING", **_assignment(target.id))
    return resources.settle(cloud, assigning)


def _target(cloud: Cloud, private_ip_id: str) -> PrivateIp:
    """Return a private IP that may get a public address; raises 409 for a second address."""
    target = cloud.store.related(PrivateIp, "privateIpId", private_ip_id)
    if cloud.store.get(Subnet, target.subnet_id).prohibit_public_ip_on_vnic:
        raise errors.invalid_parameter(
            f"The private IP {target.id} is in a subnet that prohibits public IPs."
        )
    if other := assigned_to(cloud, target.id):
        raise errors.conflict(
            f"The private IP {target.id} already has the public IP {other.ip_address} "
            f"({other.lifetime.lower()}, {other.id}) assigned to it."
        )
    return target


def _assignment(private_ip_id: str) -> dict[str, Any]:
    return {
        "private_ip_id": private_ip_id,
        "assigned_entity_id": private_ip_id,
        "assigned_entity_type": "PRIVATE_IP",
    }


def _unassigned(address: PublicIp) -> PublicIp:
    return address.changed(private_ip_id=None, assigned_entity_id=None, assigned_entity_type=None)


def _free_address(cloud: Cloud) -> str:
    taken = {address.ip_address for address in cloud.store.find(PublicIp)}
    for candidate in map(str, cloud.home.public_addresses):
        if candidate not in taken:
            return candidate
    raise errors.limit_exceeded("reserved-public-ip-count")


class _PrivateIpId(Details):
    private_ip_id: str


class _IpAddress(Details):
    ip_address: str


def _public_ip_by_private_ip_id(call: Call) -> Reply:
    return _public_ip_with(
        call.cloud, private_ip_id=wire.read(_PrivateIpId, call.body).private_ip_id
    )


def _public_ip_by_address(call: Call) -> Reply:
    return _public_ip_with(call.cloud, ip_address=wire.read(_IpAddress, call.body).ip_address)


def _public_ip_with(cloud: Cloud, **equal: str) -> Reply:
    addresses = cloud.store.find(PublicIp, **equal)
    if not addresses:
        raise errors.not_found()
    return describe(addresses[0])


RESOURCE_TYPE = ResourceType(
    resource=PublicIp,
    operations=(
        creates("CreatePublicIp", "/publicIps", PublicIp, CreatePublicIpDetails, create),
        lists(
            "ListPublicIps",
            "/publicIps",
            PublicIp,
            ("scope", "compartmentId", "availabilityDomain", "lifetime"),
            required=("scope", "compartmentId"),
        ),
        reads("GetPublicIp", "/publicIps/{publicIpId}", PublicIp),
        Operation(
            name="GetPublicIpByPrivateIpId",
            method="POST",
            path="/publicIps/actions/getByPrivateIpId",
            answer=_public_ip_by_private_ip_id,
            fields=("privateIpId",),
        ),
        Operation(
            name="GetPublicIpByIpAddress",
            method="POST",
            path="/publicIps/actions/getByIpAddress",
            answer=_public_ip_by_address,
            fields=("ipAddress",),
        ),
        updates(
            "UpdatePublicIp", "/publicIps/{publicIpId}", PublicIp, UpdatePublicIpDetails, update
        ),
        moves("ChangePublicIpCompartment", "/publicIps/{publicIpId}", PublicIp),
        deletes("DeletePublicIp", "/publicIps/{publicIpId}", PublicIp, delete),
    ),
)
