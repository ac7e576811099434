"""The steps of a load balancer's life: each makes HAProxy as the resource promises it."""

import logging
from collections.abc import Callable, Mapping

from localcloud import resources
from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.machines.balancers import BalancerSpec
from localcloud.services.core import public_ip, reachability
from localcloud.services.core.private_ip import PrivateIp
from localcloud.services.core.subnet import Subnet
from localcloud.services.core.vcn import Vcn
from localcloud.services.load_balancer import haproxy
from localcloud.services.load_balancer.load_balancer import LoadBalancer, certificate_files

log = logging.getLogger(__name__)

_REACHABLE = frozenset({"ACTIVE", "UPDATING"})


def recover(cloud: Cloud, balancer: LoadBalancer) -> None:
    """Mark a load balancer FAILED whose container is gone, after the API server was away."""
    state, machines = balancer.lifecycle_state, cloud.machines.balancers
    if state in _REACHABLE and not machines.exists(balancer.id):
        log.error("The container of load balancer %s is gone", balancer.id)
        cloud.store.put(balancer.changed(lifecycle_state="FAILED", last_failure="it is gone"))


def refresh(cloud: Cloud) -> None:
    """Apply the changed rules and addresses to every load balancer. Cheap without a change."""
    with cloud.network_lock:
        for balancer in cloud.store.find(LoadBalancer):
            if balancer.lifecycle_state not in _REACHABLE:
                continue
            try:
                _refresh(cloud, balancer)
            except errors.ApiError:  # a resource of its network can't be read
                log.exception("Load balancer %s keeps the rules that it has", balancer.id)


def _refresh(cloud: Cloud, balancer: LoadBalancer) -> None:
    subnet = cloud.store.get(Subnet, balancer.subnet_ids[0])
    groups = balancer.network_security_group_ids
    rules = reachability.rules_of(cloud, subnet, groups)
    (address,) = balancer.ip_addresses
    is_public = address.is_public and reachability.has_way_out(cloud, subnet)
    reach = (rules, address.ip_address if is_public else None)
    if cloud.balancer_reach.get(balancer.id) != reach:
        cloud.machines.balancers.set_reach(balancer.id, *reach)
        cloud.balancer_reach[balancer.id] = reach


def _create(cloud: Cloud, balancer: LoadBalancer) -> None:
    subnet = cloud.store.get(Subnet, balancer.subnet_ids[0])
    try:
        cloud.machines.balancers.terminate(balancer.id)  # left by an interrupted creation
        cloud.machines.balancers.launch(
            BalancerSpec(
                balancer_id=balancer.id,
                private_ip=balancer.private_ip,
                prefix_length=subnet.network.prefixlen,
                vcn=cloud.store.get(Vcn, subnet.vcn_id).cidr_blocks,
            )
        )
    except Exception as error:
        log.exception("Load balancer %s could not be created", balancer.id)
        resources.arrive(cloud, balancer, "FAILED", last_failure=str(error))
    else:
        _configure(cloud, balancer)


def _configure(cloud: Cloud, balancer: LoadBalancer) -> None:
    files = haproxy.files(
        balancer.revision,
        balancer.listeners.values(),
        balancer.backend_sets,
        certificate_files(balancer),
    )
    try:
        cloud.machines.balancers.configure(balancer.id, balancer.revision, files)
        with cloud.network_lock:
            _refresh(cloud, balancer)
    except Exception as error:
        log.exception("Load balancer %s could not be changed", balancer.id)
        resources.arrive(cloud, balancer, "FAILED", last_failure=str(error))
    else:
        resources.arrive(cloud, balancer, "ACTIVE", last_failure=None)


def _delete(cloud: Cloud, balancer: LoadBalancer) -> None:
    with cloud.network_lock:
        cloud.machines.balancers.terminate(balancer.id)
        cloud.balancer_reach.pop(balancer.id, None)
    with cloud.store.transaction():
        for address in cloud.store.find(PrivateIp, display_name=balancer.id):
            public_ip.release(cloud, address.id)
            cloud.store.remove(address.id)
    resources.arrive(cloud, balancer, "DELETED")


STEPS: Mapping[str, Callable[[Cloud, LoadBalancer], None]] = {
    "CREATING": _create,
    "UPDATING": _configure,
    "DELETING": _delete,
}
