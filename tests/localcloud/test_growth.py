"""Growth of volumes, and other hardware for instances, in place."""

from collections.abc import Iterator
from typing import Any

import oci
import pytest
from oci.core import models

from localcloud import host
from localcloud.machines.docker import inspect
from localcloud.services.core import catalogue
from tests.localcloud.caller import Caller, eventually, refused
from tests.localcloud.machine import Keys, Machine, Network, answers

DEVICE = "/dev/oracleoci/oraclevdc"
# from https://docs.oracle.com/iaas/Content/Block/Tasks/rescanningdisk.htm
RESCAN = (
    f"disk=$(basename $(readlink -f {DEVICE}))"
    " && echo 1 | sudo tee /sys/class/block/$disk/device/rescan > /dev/null"
)
GB = 1024**3


@pytest.fixture(scope="module", name="machine")
def _machine(network: Network, keys: Keys) -> Iterator[Machine]:
    """Yield a machine whose size and shape may change."""
    machine = Machine(network, keys, hostname="grows", assign_public_ip=True)
    machine.wait_until("RUNNING")
    yield machine
    machine.caller.compute.terminate_instance(machine.id)
    machine.wait_until("TERMINATED")


@pytest.fixture(scope="module", name="address")
def _address(machine: Machine) -> str:
    address = str(machine.caller.network.get_vnic(machine.vnic_id).data.public_ip)
    machine.wait_for_ssh(address)
    return address


@pytest.fixture(name="volume")
def _volume(cloud: Caller, machine: Machine) -> Iterator[Any]:
    """Yield a volume that is attached to the machine as DEVICE."""
    storage = oci.core.BlockstorageClientCompositeOperations(cloud.storage)
    compute = oci.core.ComputeClientCompositeOperations(cloud.compute)
    details = models.CreateVolumeDetails(
        compartment_id=cloud.compartment, availability_domain=cloud.domains[0], size_in_gbs=50
    )
    volume = storage.create_volume_and_wait_for_state(details, ["AVAILABLE"]).data
    attach = models.AttachParavirtualizedVolumeDetails(
        instance_id=machine.id, volume_id=volume.id, device=DEVICE
    )
    attachment = compute.attach_volume_and_wait_for_state(attach, ["ATTACHED"]).data
    yield volume
    cloud.compute.detach_volume(attachment.id)
    eventually(
        "the volume attachment",
        lambda: cloud.compute.get_volume_attachment(attachment.id).data.lifecycle_state,
        "DETACHED",
    )
    storage.delete_volume_and_wait_for_state(volume.id, ["TERMINATED"])


def resized(cloud: Caller, volume: Any, size_in_gbs: int) -> Any:
    storage = oci.core.BlockstorageClientCompositeOperations(cloud.storage)
    details = models.UpdateVolumeDetails(size_in_gbs=size_in_gbs)
    return storage.update_volume_and_wait_for_state(volume.id, details, ["AVAILABLE"]).data


def test_an_attached_volume_grows_and_its_machine_sees_it_after_a_rescan(
    cloud: Caller, machine: Machine, address: str, volume: Any
) -> None:
    size = f"sudo blockdev --getsize64 {DEVICE}"
    assert machine.ssh(address, f"sudo mkfs.ext4 -q {DEVICE} && {size}") == str(50 * GB)

    grown = resized(cloud, volume, 80)

    assert (grown.size_in_gbs, grown.size_in_mbs) == (80, 80 * 1024)
    assert machine.ssh(address, size) == str(50 * GB), "nobody has rescanned the disk yet"
    assert machine.ssh(address, f"{RESCAN} && {size}") == str(80 * GB)
    output = machine.ssh(address, f"sudo e2fsck -fy {DEVICE} >/dev/null; sudo resize2fs {DEVICE}")
    assert f"is now {80 * GB // 4096} (4k) blocks long" in output


def test_a_volume_is_never_cut(cloud: Caller, volume: Any) -> None:
    update, smaller = cloud.storage.update_volume, models.UpdateVolumeDetails(size_in_gbs=49)
    text = refused(400, "InvalidParameter", update, volume.id, smaller)
    assert "larger than the current size, 50 GB" in text
    assert cloud.storage.get_volume(volume.id).data.size_in_gbs == 50


def test_a_boot_volume_grows_and_is_never_cut(cloud: Caller, machine: Machine) -> None:
    (attachment,) = cloud.compute.list_boot_volume_attachments(
        cloud.domains[0], cloud.compartment, instance_id=machine.id
    ).data
    storage = oci.core.BlockstorageClientCompositeOperations(cloud.storage)
    details = models.UpdateBootVolumeDetails(size_in_gbs=60)
    grown = storage.update_boot_volume_and_wait_for_state(
        attachment.boot_volume_id, details, ["AVAILABLE"]
    ).data
    assert (grown.size_in_gbs, grown.size_in_mbs) == (60, 60 * 1024)
    source = cloud.compute.get_instance(machine.id).data.source_details
    assert source.boot_volume_size_in_gbs is None, "a provider would take it for the present size"
    refused(
        400,
        "InvalidParameter",
        cloud.storage.update_boot_volume,
        attachment.boot_volume_id,
        models.UpdateBootVolumeDetails(size_in_gbs=50),
    )


def update(machine: Machine, **fields: Any) -> Any:
    details = models.UpdateInstanceDetails(**fields)
    return machine.caller.compute.update_instance(machine.id, details).data


def size(**fields: float) -> Any:
    return models.UpdateInstanceShapeConfigDetails(**fields)


def limits(machine: Machine) -> tuple[int, int]:
    """Return the memory, in GB, and the nanoseconds of CPU a second that the machine gets."""
    container = inspect(f"{machine.caller.home.prefix}vm-{machine.id[-12:]}")
    assert container is not None
    return container["HostConfig"]["Memory"] // GB, container["HostConfig"]["NanoCpus"]


def test_more_memory_and_other_hardware_come_with_a_reboot(
    cloud: Caller, machine: Machine, address: str
) -> None:
    boot = "stat --format %Y /proc/1; cat /etc/launched"
    before = machine.ssh(address, boot)
    assert limits(machine)[0] == 6

    answer = update(machine, shape_config=size(memory_in_gbs=8), fault_domain="FAULT-DOMAIN-2")

    assert answer.lifecycle_state == "STOPPING"
    machine.wait_until("RUNNING")
    machine.wait_for_ssh(address)
    assert limits(machine)[0] == 8
    after = machine.ssh(address, boot)
    assert after != before
    assert after.endswith("by user data"), "its disk is another"
    instance = cloud.compute.get_instance(machine.id).data
    config = instance.shape_config
    assert (config.ocpus, config.memory_in_gbs, instance.fault_domain) == (1, 8, "FAULT-DOMAIN-2")


def test_a_shape_gives_way_to_another_one_that_boots_the_same_disk(machine: Machine) -> None:
    first, second = (
        shape.shape
        for shape in catalogue.SHAPES
        if shape.is_flexible and shape.architecture == host.architecture()
    )
    update(machine, shape=second)
    machine.wait_until("RUNNING")
    instance = machine.caller.compute.get_instance(machine.id).data
    assert (instance.shape, instance.shape_config.ocpus) == (second, 1)
    update(machine, shape=first)
    machine.wait_until("RUNNING")


def test_a_shape_of_another_processor_and_a_size_out_of_range_are_refused(machine: Machine) -> None:
    foreign = next(
        shape.shape for shape in catalogue.SHAPES if shape.architecture != host.architecture()
    )
    assert "not valid for image" in refused(400, "InvalidParameter", update, machine, shape=foreign)
    too_much = size(ocpus=1, memory_in_gbs=65)
    assert "Invalid ShapeConfig" in refused(
        400, "InvalidParameter", update, machine, shape_config=too_much
    )
    assert machine.state == "RUNNING"


def test_a_change_that_needs_a_reboot_is_refused_to_who_wants_none(machine: Machine) -> None:
    text = refused(
        400,
        "InvalidParameter",
        update,
        machine,
        shape_config=size(ocpus=2),
        update_operation_constraint="AVOID_DOWNTIME",
    )
    assert "shapeConfig" in text
    assert machine.state == "RUNNING"


def test_a_new_name_and_the_present_size_need_no_reboot(machine: Machine) -> None:
    present = machine.caller.compute.get_instance(machine.id).data.shape_config
    same = size(ocpus=present.ocpus, memory_in_gbs=present.memory_in_gbs)
    answer = update(machine, display_name="renamed", shape_config=same)
    assert (answer.display_name, answer.lifecycle_state) == ("renamed", "RUNNING")


def test_an_ephemeral_address_goes_and_another_one_comes(
    cloud: Caller, machine: Machine, address: str
) -> None:
    """The provider does so when `assignPublicIp` changes."""

    def shown() -> str | None:
        address: str | None = cloud.network.get_vnic(machine.vnic_id).data.public_ip
        return address

    details = models.GetPublicIpByIpAddressDetails(ip_address=address)
    cloud.network.delete_public_ip(cloud.network.get_public_ip_by_ip_address(details).data.id)
    assert shown() is None
    assert not answers(address, 22)
    another = cloud.network.create_public_ip(
        models.CreatePublicIpDetails(
            compartment_id=cloud.compartment,
            lifetime="EPHEMERAL",
            private_ip_id=machine.private_ip_id,
        )
    ).data
    assert (another.lifetime, shown()) == ("EPHEMERAL", another.ip_address)
    machine.wait_for_ssh(another.ip_address)
