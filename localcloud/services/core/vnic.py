"""Virtual network cards: they tie an instance to a subnet and to security groups."""

import re
from ipaddress import IPv4Address
from typing import Any, ClassVar, Literal

from pydantic import Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import Call, Operation, Reply, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import NameAndTags, StandardResource, Tagged
from localcloud.service import ResourceType
from localcloud.services.core import nsg, private_ip, public_ip
from localcloud.services.core.filters import IN_DOMAIN
from localcloud.services.core.nsg import NetworkSecurityGroup
from localcloud.services.core.private_ip import PrivateIp
from localcloud.services.core.subnet import Subnet

_MOST_GROUPS = 5
_HOSTNAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


class Vnic(Tagged):
    """A virtual network card."""

    kind: ClassVar[str] = "vnic"
    title: ClassVar[str] = "VNIC"
    hidden: ClassVar[frozenset[str]] = frozenset({"private_ip_id"})
    availability_domain: str
    subnet_id: str
    nsg_ids: list[str]
    hostname_label: str | None = None
    is_primary: bool = True
    mac_address: str
    private_ip: str
    private_ip_id: str
    public_ip: str | None = None
    skip_source_dest_check: bool


class VnicAttachment(StandardResource):
    """The tie between an instance and its VNIC."""

    kind: ClassVar[str] = "vnicattachment"
    title: ClassVar[str] = "VNIC Attachment"
    availability_domain: str
    instance_id: str
    subnet_id: str
    vnic_id: str
    nic_index: int = 0
    vlan_tag: int = 1


class CreateVnicDetails(NameAndTags):
    """The VNIC of a launch request."""

    subnet_id: str | None = None
    assign_public_ip: bool | None = None  # absent: yes, where the subnet allows it
    assign_ipv6_ip: Literal[False] | None = None
    assign_private_dns_record: bool | None = None
    hostname_label: str | None = None
    nsg_ids: list[str] | None = Field(default=None, max_length=_MOST_GROUPS)
    private_ip: str | None = None
    skip_source_dest_check: bool | None = None


class UpdateVnicDetails(NameAndTags):
    """The update of a VNIC."""

    hostname_label: str | None = None
    nsg_ids: list[str] | None = Field(default=None, max_length=_MOST_GROUPS)
    skip_source_dest_check: bool | None = None


def attach(
    cloud: Cloud, details: CreateVnicDetails, *, instance_id: str, name: str, common: dict[str, Any]
) -> Vnic:
    """Make the primary VNIC of a new instance, with its addresses.

    `common` holds the compartment and availability domain of the instance.
    """
    if details.subnet_id is None:
        raise errors.missing_parameter(["subnetId", "vnicId", "vlanId"])
    resources.refuse_defined_tags(details)
    subnet = cloud.store.related(Subnet, "subnetId", details.subnet_id)
    if subnet.availability_domain not in {None, common["availability_domain"]}:
        raise _invalid(f"the subnet is in {subnet.availability_domain} only")
    nsg.check(cloud, subnet, details.nsg_ids)
    _check_hostname(cloud, subnet, details.hostname_label)
    if details.assign_public_ip and subnet.prohibit_public_ip_on_vnic:
        raise _invalid("assignPublicIp is true, but the subnet prohibits public IPs")
    address = private_ip.allocate(cloud, subnet.id, subnet.network, details.private_ip)
    now = cloud.now()
    vnic = Vnic(
        **common,
        id=ocids.mint("vnic"),
        display_name=details.display_name or name,
        freeform_tags=details.freeform_tags or {},
        time_created=now,
        lifecycle_state="AVAILABLE",
        subnet_id=subnet.id,
        nsg_ids=details.nsg_ids or [],
        hostname_label=details.hostname_label,
        mac_address="02:00:17:" + IPv4Address(address).packed[1:].hex(":").upper(),
        private_ip=address,
        private_ip_id=ocids.mint("privateip"),
        skip_source_dest_check=details.skip_source_dest_check or False,
    )
    cloud.store.put(vnic)
    cloud.store.put(
        PrivateIp(
            **common,
            id=vnic.private_ip_id,
            display_name=vnic.display_name,
            freeform_tags={},
            time_created=now,
            hostname_label=vnic.hostname_label,
            ip_address=address,
            subnet_id=subnet.id,
            vnic_id=vnic.id,
        )
    )
    cloud.store.put(
        VnicAttachment(
            **common,
            id=ocids.mint("vnicattachment"),
            display_name=vnic.display_name,
            time_created=now,
            lifecycle_state="ATTACHED",
            instance_id=instance_id,
            subnet_id=subnet.id,
            vnic_id=vnic.id,
        )
    )
    if details.assign_public_ip or (
        details.assign_public_ip is None and not subnet.prohibit_public_ip_on_vnic
    ):
        public_ip.assign_ephemeral(cloud, vnic.private_ip_id, common)
    return vnic


def of_instance(cloud: Cloud, instance_id: str) -> Vnic:
    """Return the VNIC of an instance."""
    (attachment,) = cloud.store.find(VnicAttachment, instance_id=instance_id)
    return cloud.store.get(Vnic, attachment.vnic_id)


def present(cloud: Cloud, vnic: Vnic) -> Vnic:
    """Return the VNIC as the API shows it: with the public IP that it has right now."""
    address = public_ip.assigned_to(cloud, vnic.private_ip_id)
    return vnic.changed(public_ip=address.ip_address if address else None)


def detach(cloud: Cloud, instance_id: str) -> None:
    """Give the addresses of a terminated instance back. Its attachment stays to be looked at."""
    for attachment in cloud.store.find(
        VnicAttachment, instance_id=instance_id, lifecycle_state="ATTACHED"
    ):
        vnic = cloud.store.get(Vnic, attachment.vnic_id)
        public_ip.release(cloud, vnic.private_ip_id)
        cloud.store.remove(vnic.private_ip_id)
        cloud.store.remove(vnic.id)
        cloud.store.put(attachment.changed(lifecycle_state="DETACHED"))


def update(cloud: Cloud, vnic: Vnic, details: UpdateVnicDetails) -> Vnic:
    """Change a VNIC; raises 400 for a group of another VCN."""
    subnet = cloud.store.get(Subnet, vnic.subnet_id)
    nsg.check(cloud, subnet, details.nsg_ids)
    if details.hostname_label != vnic.hostname_label:
        _check_hostname(cloud, subnet, details.hostname_label)
    if details.hostname_label:
        address = cloud.store.get(PrivateIp, vnic.private_ip_id)
        cloud.store.put(address.changed(hostname_label=details.hostname_label))
    return resources.update(cloud, vnic, details)


def _check_hostname(cloud: Cloud, subnet: Subnet, label: str | None) -> None:
    if label is None:
        return
    if not _HOSTNAME.fullmatch(label):
        raise _invalid(
            f"hostnameLabel '{label}' must start with a letter, hold letters, digits and hyphens, "
            "and have at most 63 characters"
        )
    if subnet.dns_label is None:
        raise _invalid(f"hostnameLabel '{label}' needs a subnet with a DNS label")
    if cloud.store.find(Vnic, subnet_id=subnet.id, hostname_label=label):
        raise errors.conflict(f"The hostname label {label} is already in use in {subnet.id}.")


def _invalid(why: str) -> errors.ApiError:
    return errors.invalid_parameter(f"Invalid VNIC creation parameters: {why}.")


def _list_of_group(call: Call) -> Reply:
    """List the VNICs of a network security group."""
    group = call.cloud.store.get(NetworkSecurityGroup, call.target)
    attachments = call.cloud.store.find(VnicAttachment, lifecycle_state="ATTACHED")
    instances = {attachment.vnic_id: attachment.instance_id for attachment in attachments}
    return Reply(
        body=[
            {
                "vnicId": vnic.id,
                "resourceId": instances[vnic.id],
                "timeAssociated": vnic.wire()["timeCreated"],
            }
            for vnic in call.cloud.store.find(Vnic)
            if group.id in vnic.nsg_ids
        ]
    )


RESOURCE_TYPE = ResourceType(
    resource=Vnic,
    operations=(
        reads("GetVnic", "/vnics/{vnicId}", Vnic, present),
        updates("UpdateVnic", "/vnics/{vnicId}", Vnic, UpdateVnicDetails, update, show=present),
        lists(
            "ListVnicAttachments",
            "/vnicAttachments",
            VnicAttachment,
            (*IN_DOMAIN, "instanceId", "vnicId"),
        ),
        reads("GetVnicAttachment", "/vnicAttachments/{vnicAttachmentId}", VnicAttachment),
        Operation(
            name="ListNetworkSecurityGroupVnics",
            method="GET",
            path="/networkSecurityGroups/{networkSecurityGroupId}/vnics",
            answer=_list_of_group,
        ),
    ),
    limits="""
        - IPv6 and secondary VNICs are refused.
    """,
)
