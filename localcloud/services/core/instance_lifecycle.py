"""The steps of an instance's life: each makes the machine as the resource promises it."""

import base64
import logging
import time
from collections.abc import Callable, Mapping

from localcloud import resources
from localcloud.cloud import Cloud
from localcloud.machines.machines import MachineSpec
from localcloud.services.core import (
    boot_volume,
    instance_metadata,
    reachability,
    vnic,
    volume_attachment,
)
from localcloud.services.core.instance import Instance
from localcloud.services.core.subnet import Subnet

_APT_BUSY_SECONDS = 9  # sshd answers after 4 to 7: the first provisioning still meets it
log = logging.getLogger(__name__)


def recover(cloud: Cloud, instance: Instance) -> None:
    """Compare a RUNNING instance with its machine, after the API server was away.

    A machine that stopped meanwhile (the computer was rebooted) is started again, as Oracle Cloud
    does after maintenance. A machine that is gone took its disk along, so its instance is over.
    """
    if instance.lifecycle_state != "RUNNING":
        return
    state = cloud.machines.state(instance.id)
    if state == "STOPPED":
        cloud.store.put(instance.changed(lifecycle_state="STARTING"))
    elif state is None:
        log.error("The machine of instance %s is gone", instance.id)
        cloud.store.put(
            instance.changed(lifecycle_state="TERMINATING", last_failure="its machine is gone")
        )


def _launch(cloud: Cloud, instance: Instance) -> None:
    if fault := cloud.faults.strike("slowBoot", instance.availability_domain):
        time.sleep(fault.seconds)
    try:
        if cloud.machines.state(instance.id) is not None:
            cloud.machines.terminate(instance.id)  # left by an interrupted launch
        cloud.machines.launch(_spec(cloud, instance))
        _open_up(cloud, instance)
    except Exception as error:
        log.exception("Instance %s could not be launched", instance.id)
        resources.arrive(cloud, instance, "TERMINATING", last_failure=str(error))
    else:
        resources.arrive(cloud, instance, "RUNNING")


def _open_up(cloud: Cloud, instance: Instance) -> None:
    """Apply the ingress rules, late on the fault sshdLate: as if sshd were not up yet."""
    fault = cloud.faults.strike("sshdLate", instance.availability_domain)
    if fault is None:
        reachability.apply(cloud, instance.id)
        return

    def no_longer_late() -> None:
        time.sleep(fault.seconds)
        cloud.held_back.discard(instance.id)
        reachability.refresh(cloud)

    cloud.held_back.add(instance.id)
    cloud.in_background(f"{instance.id}/sshdLate", no_longer_late)


def _start(cloud: Cloud, instance: Instance) -> None:
    cloud.machines.start(
        instance.id,
        ocpus=instance.shape_config.ocpus,
        memory_in_gbs=instance.shape_config.memory_in_gbs,
    )
    _forget_reach(cloud, instance)
    reachability.apply(cloud, instance.id)
    resources.arrive(cloud, instance, "RUNNING")


def _stop(cloud: Cloud, instance: Instance) -> None:
    with cloud.network_lock:
        cloud.machines.stop(instance.id)
    state = "STARTING" if instance.heading_for == "RUNNING" else "STOPPED"
    resources.arrive(cloud, instance, state)


def _terminate(cloud: Cloud, instance: Instance) -> None:
    with cloud.network_lock:
        cloud.machines.terminate(instance.id)
    with cloud.store.transaction():
        for attachment in volume_attachment.of_instance(cloud, instance.id):
            cloud.store.put(attachment.changed(lifecycle_state="DETACHED"))
        vnic.detach(cloud, instance.id)
        boot_volume.detach(cloud, instance.id)
    resources.arrive(cloud, instance, "TERMINATED")


STEPS: Mapping[str, Callable[[Cloud, Instance], None]] = {
    "PROVISIONING": _launch,
    "STARTING": _start,
    "STOPPING": _stop,
    "TERMINATING": _terminate,
}


def _forget_reach(cloud: Cloud, instance: Instance) -> None:
    """Forget the applied rules and address of a machine that was down, to apply all again."""
    with cloud.network_lock:
        reach = cloud.reach.pop(instance.id, None)
        if reach and reach.public_ip:
            cloud.machines.unpublish(reach.public_ip)


def _spec(cloud: Cloud, instance: Instance) -> MachineSpec:
    card = vnic.of_instance(cloud, instance.id)
    fault = cloud.faults.strike("aptBusy", instance.availability_domain)
    return MachineSpec(
        instance_id=instance.id,
        hostname=instance.hostname,
        private_ip=card.private_ip,
        prefix_length=cloud.store.get(Subnet, card.subnet_id).network.prefixlen,
        ocpus=instance.shape_config.ocpus,
        memory_in_gbs=instance.shape_config.memory_in_gbs,
        user_data=base64.b64decode(instance.metadata.get("user_data", "")),
        ssh_authorized_keys=instance.metadata.get("ssh_authorized_keys", ""),
        metadata=instance.metadata,
        apt_busy_seconds=fault.seconds if fault else _APT_BUSY_SECONDS,
        document=instance_metadata.document(cloud, instance),
        in_a_cluster=instance.cluster_id is not None,
    )
