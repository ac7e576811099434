"""The rules and public addresses of the network, carried to the machines."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from localcloud.api import errors
from localcloud.cloud import Cloud, Reach
from localcloud.machines.machines import IngressRule
from localcloud.services.core import instance_metadata, public_ip, vnic
from localcloud.services.core.instance import Instance
from localcloud.services.core.internet_gateway import InternetGateway
from localcloud.services.core.nsg import NetworkSecurityGroup
from localcloud.services.core.route_table import RouteTable
from localcloud.services.core.security_list import SecurityList
from localcloud.services.core.subnet import Subnet
from localcloud.services.core.vnic import Vnic

log = logging.getLogger(__name__)

_WORLD = "0.0.0.0/0"


def refresh(cloud: Cloud) -> None:
    """Apply the changed rules and addresses to every running machine. Cheap without a change.

    The resources are read under the lock, so the last caller applies the latest rules. Addresses
    are withdrawn before any is published: an address may move from a machine to another.
    """
    with cloud.network_lock:
        for instance_id in list(cloud.reach):
            try:
                _withdraw(cloud, instance_id)
            except errors.ApiError:
                log.exception("Instance %s keeps the address that it has", instance_id)
        for instance in cloud.store.find(Instance, lifecycle_state="RUNNING"):
            if instance.id in cloud.held_back:
                continue
            try:
                apply(cloud, instance.id)
            except errors.ApiError:  # a resource of its network can't be read
                log.exception("Instance %s keeps the rules that it has", instance.id)


def apply(cloud: Cloud, instance_id: str) -> None:
    """Bring a machine's packet filter, public address and metadata up to date."""
    with cloud.network_lock:
        applied, reach = cloud.reach.get(instance_id), _reach(cloud, instance_id)
        if reach is None or reach == applied:
            return
        if applied is None or reach.rules != applied.rules:
            cloud.machines.set_ingress(instance_id, list(reach.rules))
        if applied is not None and reach.document != applied.document:
            cloud.machines.describe(instance_id, reach.document)
        if reach.public_ip and (applied is None or reach.public_ip != applied.public_ip):
            cloud.machines.publish(reach.public_ip, instance_id)
        cloud.reach[instance_id] = reach


def _withdraw(cloud: Cloud, instance_id: str) -> None:
    """Stop answering at an address that was taken away, or whose machine or route is gone."""
    applied, reach = cloud.reach[instance_id], _reach(cloud, instance_id)
    if applied.public_ip and (reach is None or reach.public_ip != applied.public_ip):
        cloud.machines.unpublish(applied.public_ip)
    if reach is None:
        del cloud.reach[instance_id]
    elif reach.public_ip != applied.public_ip:
        cloud.reach[instance_id] = replace(applied, public_ip=None)


def ingress(cloud: Cloud, card: Vnic) -> tuple[IngressRule, ...]:
    """Return the union of the subnet's security lists and the VNIC's security groups."""
    return rules_of(cloud, cloud.store.get(Subnet, card.subnet_id), card.nsg_ids)


def rules_of(cloud: Cloud, subnet: Subnet, nsg_ids: Sequence[str]) -> tuple[IngressRule, ...]:
    """Return the union of a subnet's security lists and of security groups."""
    rules = [
        rule.ingress_from(rule.source)
        for ocid in subnet.security_list_ids
        for rule in cloud.store.get(SecurityList, ocid).ingress_security_rules
    ]
    rules += [
        rule.ingress_from(rule.source)
        for ocid in nsg_ids
        for rule in cloud.store.get(NetworkSecurityGroup, ocid).security_rules
        if rule.direction == "INGRESS" and rule.source is not None
    ]
    return tuple(dict.fromkeys(rule for rule in rules if rule is not None))


def has_way_out(cloud: Cloud, subnet: Subnet) -> bool:
    """Return whether the subnet's route table leads 0.0.0.0/0 to an enabled gateway."""
    table = cloud.store.get(RouteTable, subnet.route_table_id)
    return any(
        rule.destination == _WORLD
        and cloud.store.find(InternetGateway, id=rule.network_entity_id, is_enabled=True)
        for rule in table.route_rules
    )


def _reach(cloud: Cloud, instance_id: str) -> Reach | None:
    with cloud.store.transaction():
        attachments = cloud.store.find(
            vnic.VnicAttachment, instance_id=instance_id, lifecycle_state="ATTACHED"
        )
        if not attachments:
            return None
        card = cloud.store.get(Vnic, attachments[0].vnic_id)
        address = public_ip.assigned_to(cloud, card.private_ip_id)
        reachable = has_way_out(cloud, cloud.store.get(Subnet, card.subnet_id))
        return Reach(
            rules=ingress(cloud, card),
            public_ip=address.ip_address if address and reachable else None,
            document=instance_metadata.document(cloud, cloud.store.get(Instance, instance_id)),
        )
