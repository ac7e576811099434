"""What the cloud does by itself: brings records that are on their way to where they are going.

A state such as PROVISIONING is a promise kept in the store. `advance` finds the promises that
nobody works on. A restarted emulator calls it too, and so takes up what was cut short.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from localcloud.cloud import Cloud
from localcloud.services.core import instance_lifecycle, reachability
from localcloud.services.core.boot_volume import BootVolume
from localcloud.services.core.instance import Instance
from localcloud.services.core.internet_gateway import InternetGateway
from localcloud.services.core.nsg import NetworkSecurityGroup
from localcloud.services.core.public_ip import PublicIp
from localcloud.services.core.route_table import RouteTable
from localcloud.services.core.security_list import SecurityList
from localcloud.services.core.subnet import Subnet
from localcloud.services.core.vcn import Vcn
from localcloud.services.core.volume import Volume
from localcloud.services.core.volume_attachment import VolumeAttachment
from localcloud.services.resources import Resource

log = logging.getLogger(__name__)

_SETTLING = (
    *(Vcn, Subnet, InternetGateway, RouteTable, SecurityList, NetworkSecurityGroup),
    *(PublicIp, BootVolume),
)
_SETTLED = {"PROVISIONING": "AVAILABLE", "ASSIGNING": "ASSIGNED", "UNASSIGNING": "AVAILABLE"}


def resume(cloud: Cloud) -> None:
    """Take up what the last run of the emulator left: called once, before the first request."""
    with cloud.store.transaction():
        for kind in _SETTLING:
            for record in cloud.store.find(kind):
                if state := _SETTLED.get(record.lifecycle_state):
                    cloud.store.put(record.changed(lifecycle_state=state))
    for instance in cloud.store.find(Instance, lifecycle_state="RUNNING"):
        instance_lifecycle.recover(cloud, instance)
    advance(cloud)
    reachability.refresh(cloud)


def advance(cloud: Cloud) -> None:
    """Begin the work on every record that is on its way and that nobody works on."""
    for kind, steps in _STEPS.items():
        for record in cloud.store.find(kind):
            if record.lifecycle_state in steps:
                cloud.in_background(record.id, partial(_work, cloud, kind, record.id))


def _work(cloud: Cloud, kind: type[Resource], ocid: str) -> None:
    """Take steps until the record rests; a request may send it elsewhere during a step."""
    while True:
        record = cloud.store.get(kind, ocid)  # one that can't be read ends the job, in the log
        step = _STEPS[kind].get(record.lifecycle_state)
        if step is None:
            break
        step(cloud, record)
    reachability.refresh(cloud)


def _arrive(cloud: Cloud, record: Resource, state: str) -> None:
    with cloud.store.transaction():
        current = cloud.store.get(type(record), record.id)
        if current.lifecycle_state == record.lifecycle_state:
            cloud.store.put(current.changed(lifecycle_state=state))


def _size_volume(cloud: Cloud, volume: Volume) -> None:
    """Make a new volume, or a bigger one of it."""
    try:
        cloud.machines.size_volume(volume.id, volume.size_in_gbs)
    except Exception:
        log.exception("Volume %s could not be made %s GB big", volume.id, volume.size_in_gbs)
        _arrive(cloud, volume, "FAULTY")
    else:
        _arrive(cloud, volume, "AVAILABLE")


def _delete_volume(cloud: Cloud, volume: Volume) -> None:
    cloud.machines.delete_volume(volume.id)
    _arrive(cloud, volume, "TERMINATED")


def _attach_volume(cloud: Cloud, attachment: VolumeAttachment) -> None:
    try:
        cloud.machines.attach_volume(
            attachment.instance_id, attachment.volume_id, attachment.device
        )
    except Exception:
        log.exception("Volume attachment %s failed", attachment.id)
        _arrive(cloud, attachment, "DETACHED")
    else:
        _arrive(cloud, attachment, "ATTACHED")


def _detach_volume(cloud: Cloud, attachment: VolumeAttachment) -> None:
    cloud.machines.detach_volume(attachment.instance_id, attachment.volume_id)
    _arrive(cloud, attachment, "DETACHED")


_STEPS: Mapping[type[Resource], Mapping[str, Callable[..., None]]] = {
    Instance: instance_lifecycle.STEPS,
    Volume: {"PROVISIONING": _size_volume, "TERMINATING": _delete_volume},
    VolumeAttachment: {"ATTACHING": _attach_volume, "DETACHING": _detach_volume},
}
