"""The steps of a database system's life: each makes the server as the resource promises it."""

import logging
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network

from localcloud import resources
from localcloud.cloud import Cloud
from localcloud.machines.databases import DatabaseSpec
from localcloud.machines.firewall import IngressRule
from localcloud.services.core import reachability, vnic
from localcloud.services.core.instance import Instance
from localcloud.services.core.private_ip import PrivateIp
from localcloud.services.core.subnet import Subnet
from localcloud.services.psql.db_system import DbSystem

log = logging.getLogger(__name__)


def recover(cloud: Cloud, system: DbSystem) -> None:
    """Mark a system FAILED whose server is gone, after the API server was away."""
    if system.lifecycle_state == "ACTIVE" and not cloud.machines.databases.exists(system.id):
        log.error("The server of DB System %s is gone", system.id)
        cloud.store.put(
            system.changed(lifecycle_state="FAILED", lifecycle_details="its server is gone")
        )


def refresh(cloud: Cloud) -> None:
    """Apply the changed rules to every server. Cheap without a change."""
    with cloud.network_lock:
        for system in cloud.store.find(DbSystem, lifecycle_state="ACTIVE"):
            rules = _ingress(cloud, system)
            if cloud.database_rules.get(system.id) != rules:
                cloud.machines.databases.set_ingress(system.id, rules)
                cloud.database_rules[system.id] = rules


def _create(cloud: Cloud, system: DbSystem) -> None:
    databases = cloud.machines.databases
    subnet = cloud.store.get(Subnet, system.network_details.subnet_id)
    try:
        databases.terminate(system.id)  # left by an interrupted creation
        databases.launch(
            DatabaseSpec(
                system_id=system.id,
                name=system.fqdn,
                private_ip=system.address,
                prefix_length=subnet.network.prefixlen,
            )
        )
        databases.set_administrator(system.id, system.admin_username, system.password_verifier)
    except Exception as error:
        log.exception("DB System %s could not be created", system.id)
        _arrive(cloud, system, "FAILED", str(error))
    else:
        _arrive(cloud, system, "ACTIVE")
        refresh(cloud)


def _update(cloud: Cloud, system: DbSystem) -> None:
    databases = cloud.machines.databases
    try:
        databases.set_administrator(system.id, system.admin_username, system.password_verifier)
    except Exception as error:
        log.exception("DB System %s could not be updated", system.id)
        _arrive(cloud, system, "FAILED", str(error))
    else:
        _arrive(cloud, system, "ACTIVE")


def _delete(cloud: Cloud, system: DbSystem) -> None:
    with cloud.network_lock:
        cloud.machines.databases.terminate(system.id)
        cloud.database_rules.pop(system.id, None)
    for address in cloud.store.find(PrivateIp, display_name=system.id):
        cloud.store.remove(address.id)
    _arrive(cloud, system, "DELETED")


STEPS: Mapping[str, Callable[[Cloud, DbSystem], None]] = {
    "CREATING": _create,
    "UPDATING": _update,
    "DELETING": _delete,
}


def _arrive(cloud: Cloud, system: DbSystem, state: str, details: str | None = None) -> None:
    now = cloud.now()
    resources.arrive(cloud, system, state, lifecycle_details=details, time_updated=now)


def _ingress(cloud: Cloud, system: DbSystem) -> tuple[IngressRule, ...]:
    """Return the rules for the machines of the VCN, at their addresses on the bridge."""
    network = system.network_details
    subnet = cloud.store.get(Subnet, network.subnet_id)
    rules = reachability.rules_of(cloud, subnet, network.nsg_ids or ())
    return tuple(
        IngressRule(protocol=rule.protocol, source=f"{bridged}/32", ports=rule.ports)
        for private, bridged in _neighbours(cloud, subnet.vcn_id)
        for rule in rules
        if IPv4Address(private) in IPv4Network(rule.source)
    )


def _neighbours(cloud: Cloud, vcn_id: str) -> list[tuple[str, str]]:
    """List the running machines of a VCN: their private address, and that on the bridge."""
    neighbours = []
    for instance in cloud.store.find(Instance, lifecycle_state="RUNNING"):
        card = vnic.of_instance(cloud, instance.id)
        bridged = cloud.machines.bridge_address(instance.id)
        if bridged and cloud.store.get(Subnet, card.subnet_id).vcn_id == vcn_id:
            neighbours.append((card.private_ip, bridged))
    return neighbours
