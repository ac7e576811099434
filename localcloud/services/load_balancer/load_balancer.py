"""Load balancers: their fields, and the requests for them."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, Tagged, refuse_defined_tags
from localcloud.services.core import nsg, private_ip, public_ip
from localcloud.services.core.public_ip import PublicIp
from localcloud.services.core.subnet import Subnet
from localcloud.services.identity.availability_domain import DOMAINS
from localcloud.services.load_balancer import parts, rules
from localcloud.services.load_balancer.parts import (
    BackendSet,
    BackendSetDetails,
    Certificate,
    CertificateDetails,
    Listener,
    ListenerDetails,
    Name,
    SetName,
)

SHAPE = "flexible"
_MOST_GROUPS = 5


class ShapeDetails(Details):
    """The bandwidth of a flexible load balancer, in Mbps. It limits nothing here."""

    minimum_bandwidth_in_mbps: int = Field(ge=10, le=8000)
    maximum_bandwidth_in_mbps: int = Field(ge=10, le=8000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum_bandwidth_in_mbps > self.maximum_bandwidth_in_mbps:
            raise ValueError("minimumBandwidthInMbps is above maximumBandwidthInMbps")
        return self


class ReservedIP(Details):
    """A reserved public address."""

    id: str


class IpAddress(Details):
    """The address of a load balancer."""

    ip_address: str
    is_public: bool
    reserved_ip: ReservedIP | None = None


class LoadBalancer(Tagged):
    """A load balancer. A change keeps it UPDATING inside, which Oracle shows as ACTIVE."""

    kind: ClassVar[str] = "loadbalancer"
    title: ClassVar[str] = "Load Balancer"
    hidden: ClassVar[frozenset[str]] = frozenset(
        {"private_ip", "private_keys", "revision", "last_failure"}
    )
    busy: ClassVar[frozenset[str]] = frozenset({"CREATING", "UPDATING", "DELETING"})
    shape_name: str = SHAPE
    shape_details: ShapeDetails
    is_private: bool
    is_delete_protection_enabled: bool = False
    ip_mode: Literal["IPV4"] = "IPV4"
    ip_addresses: list[IpAddress]
    subnet_ids: list[str]
    network_security_group_ids: list[str]
    backend_sets: dict[str, BackendSet]
    listeners: dict[str, Listener]
    certificates: dict[str, Certificate]
    system_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    private_ip: str
    private_keys: dict[str, str]  # by certificate
    revision: int = 1  # of its parts
    last_failure: str | None = None

    @property
    def failure(self) -> str | None:
        """The reason of a failed creation or change."""
        return self.last_failure


class CreateLoadBalancerDetails(CreateDetails):
    """The request for a load balancer."""

    display_name: str = Field(min_length=1, max_length=1024)
    shape_name: Literal["flexible"]
    shape_details: ShapeDetails
    subnet_ids: list[str] = Field(min_length=1, max_length=1)
    is_private: bool = False
    is_delete_protection_enabled: bool = False
    ip_mode: Literal["IPV4"] = "IPV4"
    reserved_ips: list[ReservedIP] = Field(default_factory=list, max_length=1)
    network_security_group_ids: list[str] = Field(default_factory=list, max_length=_MOST_GROUPS)
    backend_sets: dict[SetName, BackendSetDetails] = Field(default_factory=dict, max_length=16)
    listeners: dict[Name, ListenerDetails] = Field(default_factory=dict, max_length=16)
    certificates: dict[Name, CertificateDetails] = Field(default_factory=dict)


class UpdateLoadBalancerDetails(NameAndTags):
    """The update of a load balancer's name, tags and protection."""

    is_delete_protection_enabled: bool | None = None


class UpdateLoadBalancerShapeDetails(Details):
    """Another bandwidth."""

    shape_name: Literal["flexible"]
    shape_details: ShapeDetails


class UpdateNetworkSecurityGroupsDetails(Details):
    """Other security groups."""

    network_security_group_ids: list[str] = Field(default_factory=list, max_length=_MOST_GROUPS)


def create(cloud: Cloud, details: CreateLoadBalancerDetails) -> LoadBalancer:
    """Create a load balancer, CREATING until it answers; raises 400 for a broken rule."""
    common = details.common(cloud, LoadBalancer)
    subnet = cloud.store.related(Subnet, "subnetIds", details.subnet_ids[0])
    nsg.check(cloud, subnet, details.network_security_group_ids)
    if not details.is_private and subnet.prohibit_public_ip_on_vnic:
        raise errors.invalid_parameter(
            f"The subnet {subnet.id} is private. A public load balancer (isPrivate false) needs a "
            "public subnet."
        )
    if details.is_private and details.reserved_ips:
        raise errors.invalid_parameter("A private load balancer can't have reservedIps.")
    address = private_ip.of_a_service(
        cloud,
        common["id"],
        compartment_id=details.compartment_id,
        subnet_id=subnet.id,
        availability_domain=subnet.availability_domain or DOMAINS[0],
        address=private_ip.allocate(cloud, subnet.id, subnet.network, None),
    )
    shown = IpAddress(ip_address=address.ip_address, is_public=False)
    if not details.is_private:
        shown = _public(cloud, address.id, details)
    balancer = LoadBalancer(
        **common,
        lifecycle_state="CREATING",
        shape_details=details.shape_details,
        is_private=details.is_private,
        is_delete_protection_enabled=details.is_delete_protection_enabled,
        ip_addresses=[shown],
        subnet_ids=details.subnet_ids,
        network_security_group_ids=details.network_security_group_ids,
        backend_sets={
            name: parts.backend_set(name, each) for name, each in details.backend_sets.items()
        },
        listeners={name: parts.listener(name, each) for name, each in details.listeners.items()},
        certificates={},
        private_ip=address.ip_address,
        private_keys={},
    )
    for certificate in details.certificates.values():
        balancer = with_certificate(balancer, certificate)
    rules.check(balancer)
    return cloud.store.put(balancer)


def _public(cloud: Cloud, private_ip_id: str, details: CreateLoadBalancerDetails) -> IpAddress:
    """Return the public address: a reserved one that the request names, or a new one."""
    if not details.reserved_ips:
        place = {"compartment_id": details.compartment_id, "availability_domain": DOMAINS[0]}
        ephemeral = public_ip.assign_ephemeral(cloud, private_ip_id, place)
        return IpAddress(ip_address=ephemeral.ip_address, is_public=True)
    (named,) = details.reserved_ips
    reserved = cloud.store.related(PublicIp, "reservedIps", named.id)
    if reserved.lifetime != "RESERVED":
        raise errors.invalid_parameter(f"The public IP {reserved.id} is not reserved.")
    public_ip.assign(cloud, reserved, private_ip_id)
    return IpAddress(ip_address=reserved.ip_address, is_public=True, reserved_ip=named)


def with_certificate(balancer: LoadBalancer, details: CertificateDetails) -> LoadBalancer:
    """Return the load balancer with another certificate; raises 400 for one without its key."""
    name = details.certificate_name
    if name in balancer.certificates:
        raise errors.conflict(
            f"The load balancer {balancer.id} has a certificate '{name}' already."
        )
    shown = Certificate(
        certificate_name=name,
        public_certificate=details.public_certificate,
        ca_certificate=details.ca_certificate,
    )
    return balancer.changed(
        certificates={**balancer.certificates, name: shown},
        private_keys={**balancer.private_keys, name: rules.private_key(details)},
    )


def change(cloud: Cloud, ocid: str, make: Callable[[LoadBalancer], LoadBalancer]) -> LoadBalancer:
    """Change the parts of a load balancer, which HAProxy takes over soon.

    Raises 409 while another change is on its way, 400 for a broken rule.
    """
    balancer = changeable(cloud, ocid)
    changed = make(balancer)
    subnet = cloud.store.get(Subnet, balancer.subnet_ids[0])
    nsg.check(cloud, subnet, changed.network_security_group_ids)
    rules.check(changed)
    return cloud.store.put(
        changed.changed(lifecycle_state="UPDATING", revision=balancer.revision + 1)
    )


def changeable(cloud: Cloud, ocid: str) -> LoadBalancer:
    """Return a load balancer on which no operation is in progress; raises 409 otherwise."""
    balancer = cloud.store.get(LoadBalancer, ocid)
    if balancer.lifecycle_state == "UPDATING":
        raise errors.incorrect_state(
            f"The load balancer {ocid} is being changed by another work request."
        )
    if balancer.lifecycle_state != "ACTIVE":
        raise errors.incorrect_state(f"The load balancer {ocid} is {balancer.lifecycle_state}.")
    return balancer


def update(cloud: Cloud, ocid: str, details: UpdateLoadBalancerDetails) -> LoadBalancer:
    """Change the name, the tags and the protection."""
    refuse_defined_tags(details)
    return cloud.store.put(changeable(cloud, ocid).updated(details))


def update_groups(
    cloud: Cloud, ocid: str, details: UpdateNetworkSecurityGroupsDetails
) -> LoadBalancer:
    """Let other security groups decide about the clients that get in."""
    balancer = changeable(cloud, ocid)
    subnet = cloud.store.get(Subnet, balancer.subnet_ids[0])
    nsg.check(cloud, subnet, details.network_security_group_ids)
    return cloud.store.put(
        balancer.changed(network_security_group_ids=details.network_security_group_ids)
    )


def delete(cloud: Cloud, ocid: str) -> LoadBalancer:
    """Begin the end of a load balancer; raises 409 for a protected one."""
    balancer = cloud.store.get(LoadBalancer, ocid)
    if balancer.lifecycle_state not in {"ACTIVE", "FAILED"}:
        raise errors.incorrect_state(f"The load balancer {ocid} is {balancer.lifecycle_state}.")
    if balancer.is_delete_protection_enabled:
        raise errors.conflict(
            f"The load balancer {ocid} is protected: isDeleteProtectionEnabled is true."
        )
    return cloud.store.put(balancer.changed(lifecycle_state="DELETING"))


def present(_: Cloud, balancer: LoadBalancer) -> LoadBalancer:
    """Return the load balancer as the API shows it: ACTIVE while it is being changed."""
    is_changing = balancer.lifecycle_state == "UPDATING"
    return balancer.changed(lifecycle_state="ACTIVE") if is_changing else balancer


def certificate_files(balancer: LoadBalancer) -> Mapping[str, str]:
    """Return the certificates as HAProxy reads them: the chain, then the key."""
    return {
        name: "\n".join(
            text.strip()
            for text in (
                each.public_certificate,
                each.ca_certificate or "",
                balancer.private_keys[name],
            )
            if text.strip()
        )
        + "\n"
        for name, each in balancer.certificates.items()
    }
