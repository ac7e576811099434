"""Carries the network's rules to the machines: who may reach each, and at which public address."""

import logging
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
    """Apply to every running machine what is not applied yet. Cheap when nothing changed.

    What is read is read under the lock, so the last caller applies the latest rules. Addresses are
    withdrawn before any is published: one may move from a machine to another.
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
    """Bring one machine's packet filter and public address up to date."""
    with cloud.network_lock:
        before, wanted = cloud.reach.get(instance_id), _wanted(cloud, instance_id)
        if wanted is None or wanted == before:
            return
        if before is None or wanted.rules != before.rules:
            cloud.machines.set_ingress(instance_id, list(wanted.rules))
        if before is not None and wanted.document != before.document:
            cloud.machines.describe(instance_id, wanted.document)
        if wanted.public_ip and (before is None or wanted.public_ip != before.public_ip):
            cloud.machines.publish(wanted.public_ip, instance_id)
        cloud.reach[instance_id] = wanted


def _withdraw(cloud: Cloud, instance_id: str) -> None:
    """Stop answering at an address that was taken away, or whose machine or route is gone."""
    before, wanted = cloud.reach[instance_id], _wanted(cloud, instance_id)
    if before.public_ip and (wanted is None or wanted.public_ip != before.public_ip):
        cloud.machines.unpublish(before.public_ip)
    if wanted is None:
        del cloud.reach[instance_id]
    elif wanted.public_ip != before.public_ip:
        cloud.reach[instance_id] = replace(before, public_ip=None)


def ingress(cloud: Cloud, card: Vnic) -> tuple[IngressRule, ...]:
    """Return the union of the subnet's security lists and the VNIC's security groups."""
    subnet = cloud.store.get(Subnet, card.subnet_id)
    rules = [
        rule.ingress_from(rule.source)
        for ocid in subnet.security_list_ids
        for rule in cloud.store.get(SecurityList, ocid).ingress_security_rules
    ]
    rules += [
        rule.ingress_from(rule.source)
        for ocid in card.nsg_ids
        for rule in cloud.store.get(NetworkSecurityGroup, ocid).security_rules
        if rule.direction == "INGRESS" and rule.source is not None
    ]
    return tuple(dict.fromkeys(rule for rule in rules if rule is not None))


def has_way_out(cloud: Cloud, subnet: Subnet) -> bool:
    """Tell whether the subnet's route table sends the world's packets to an enabled gateway."""
    table = cloud.store.get(RouteTable, subnet.route_table_id)
    return any(
        rule.destination == _WORLD
        and cloud.store.find(InternetGateway, id=rule.network_entity_id, is_enabled=True)
        for rule in table.route_rules
    )


def _wanted(cloud: Cloud, instance_id: str) -> Reach | None:
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
