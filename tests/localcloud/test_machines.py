"""Instances that are real machines."""

import os
import shlex
import signal
from typing import Any

import oci
import pytest
from oci.core import models

from localcloud import server
from tests.localcloud.caller import Caller, eventually, refused
from tests.localcloud.conftest import localcloud
from tests.localcloud.machine import Keys, Machine, Network, answers


def test_a_machine_is_what_its_launch_asked_for(machine: Machine, address: str) -> None:
    output = machine.ssh(address, "whoami; hostname; sudo -n id -un; cat /etc/launched")
    assert output.split("\n") == ["ubuntu", "auth", "root", "by user data"]


def test_the_vnic_shows_the_public_address(machine: Machine, address: str) -> None:
    assert machine.caller.network.get_vnic(machine.vnic_id).data.public_ip == address
    details = models.GetPublicIpByPrivateIpIdDetails(private_ip_id=machine.private_ip_id)
    public_ip = machine.caller.network.get_public_ip_by_private_ip_id(details).data
    assert (public_ip.ip_address, public_ip.lifecycle_state) == (address, "ASSIGNED")


def test_a_second_public_address_for_one_private_address_is_refused(
    machine: Machine, address: str
) -> None:
    assert address in refused(409, "Conflict", machine.reserve_address)


def test_the_boot_volume_can_be_looked_up_as_the_provider_does(machine: Machine) -> None:
    caller = machine.caller
    (attachment,) = caller.compute.list_boot_volume_attachments(
        caller.domains[0], caller.compartment, instance_id=machine.id
    ).data
    volume = caller.storage.get_boot_volume(attachment.boot_volume_id).data
    assert (volume.size_in_gbs, attachment.lifecycle_state) == (50, "ATTACHED")


GREETER = """
import socketserver
class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello")
socketserver.TCPServer(("", 8080), Greeter).serve_forever()
"""


@pytest.fixture(scope="session")
def listener(machine: Machine, address: str) -> int:
    """Let the machine greet every connection to a port; return the port."""
    run = ["sudo", "systemd-run", "--quiet", "python3", "-c", GREETER]
    output = machine.ssh(
        address, f"sudo iptables -I INPUT -p tcp --dport 8080 -j ACCEPT && {shlex.join(run)}"
    )
    assert not output
    return 8080


def test_a_port_answers_while_a_rule_opens_it(
    network: Network, address: str, listener: int
) -> None:
    assert not answers(address, listener), "no rule has opened the port yet"
    rule = network.let_in(listener)
    eventually("the opened port", lambda: answers(address, listener), wanted=True, seconds=15)
    network.keep_out(rule)
    eventually("the closed port", lambda: answers(address, listener), wanted=False, seconds=15)


def test_a_rule_opens_a_port_to_its_source_only(
    network: Network, address: str, listener: int
) -> None:
    rule = network.let_in(listener, source="192.0.2.0/24")
    assert not answers(address, listener), "this host is not in 192.0.2.0/24"
    network.keep_out(rule)


def test_an_address_is_silent_without_a_route_to_the_world(
    network: Network, machine: Machine, address: str
) -> None:
    assert answers(address, 22)
    network.route()
    eventually("the cut-off address", lambda: answers(address, 22), wanted=False, seconds=15)
    network.route(network.gateway.id)
    machine.wait_for_ssh(address)


def test_an_address_is_silent_while_the_gateway_is_disabled(
    network: Network, machine: Machine, address: str
) -> None:
    def enable(*, enabled: bool) -> None:
        details = models.UpdateInternetGatewayDetails(is_enabled=enabled)
        machine.caller.network.update_internet_gateway(network.gateway.id, details)

    assert answers(address, 22)
    enable(enabled=False)
    eventually("the cut-off address", lambda: answers(address, 22), wanted=False, seconds=15)
    enable(enabled=True)
    machine.wait_for_ssh(address)


def test_an_address_is_silent_while_it_is_attached_to_nothing(
    machine: Machine, address: str
) -> None:
    network = machine.caller.network
    details = models.GetPublicIpByIpAddressDetails(ip_address=address)
    reserved = network.get_public_ip_by_ip_address(details).data

    def assign(private_ip_id: str) -> None:
        network.update_public_ip(
            reserved.id, models.UpdatePublicIpDetails(private_ip_id=private_ip_id)
        )

    assign("")
    eventually("the freed address", lambda: answers(address, 22), wanted=False, seconds=15)
    freed = network.get_public_ip(reserved.id).data
    assert (freed.lifecycle_state, freed.assigned_entity_id) == ("AVAILABLE", None)
    assign(machine.private_ip_id)
    machine.wait_for_ssh(address)


def test_the_subnets_security_list_holds_for_a_machine_outside_any_group(
    network: Network, machine: Machine, address: str
) -> None:
    def join(*groups: str) -> None:
        details = models.UpdateVnicDetails(nsg_ids=list(groups))
        machine.caller.network.update_vnic(machine.vnic_id, details)

    join()
    assert not answers(address, 22), "neither group nor security list lets SSH in"
    network.let_in_subnet(22)
    assert answers(address, 22)
    network.let_in_subnet()
    join(network.group.id)
    machine.wait_for_ssh(address)


def test_user_data_and_keys_can_not_be_changed(machine: Machine) -> None:
    change = models.UpdateInstanceDetails(metadata={**machine.keys.metadata, "user_data": "eA=="})
    text = refused(
        400, "InvalidParameter", machine.caller.compute.update_instance, machine.id, change
    )
    assert text == (
        "The 'user_data' metadata field cannot be updated and must be provided with the already "
        "existing value."
    )


def test_a_subnet_in_use_stays(machine: Machine, network: Network) -> None:
    text = refused(409, "Conflict", machine.caller.network.delete_subnet, network.subnet.id)
    assert f"references the VNIC {machine.vnic_id}" in text


def test_a_volume_is_a_disk_that_keeps_its_data(
    cloud: Caller, machine: Machine, address: str
) -> None:
    storage = oci.core.BlockstorageClientCompositeOperations(cloud.storage)
    compute = oci.core.ComputeClientCompositeOperations(cloud.compute)
    device = "/dev/oracleoci/oraclevdb"
    details = models.CreateVolumeDetails(
        compartment_id=cloud.compartment, availability_domain=cloud.domains[0], size_in_gbs=50
    )
    volume = storage.create_volume_and_wait_for_state(details, ["AVAILABLE"]).data
    attach = models.AttachParavirtualizedVolumeDetails(
        instance_id=machine.id, volume_id=volume.id, device=device
    )

    first = compute.attach_volume_and_wait_for_state(attach, ["ATTACHED"]).data
    size = machine.ssh(
        address, f"sudo blockdev --getsize64 {device}; sudo sh -c 'echo kept > {device}'"
    )
    assert size == str(50 * 1024**3)
    assert volume.id in refused(409, "Conflict", cloud.compute.attach_volume, attach)
    refused(409, "Conflict", cloud.storage.delete_volume, volume.id)

    cloud.detach(first.id)
    assert machine.ssh(address, f"ls {device}").endswith("No such file or directory")
    second = compute.attach_volume_and_wait_for_state(attach, ["ATTACHED"]).data
    assert machine.ssh(address, f"sudo head -c 4 {device}") == "kept"
    cloud.detach(second.id)
    storage.delete_volume_and_wait_for_state(volume.id, ["TERMINATED"])


def test_a_volume_of_another_domain_is_not_attached(cloud: Caller, machine: Machine) -> None:
    details = models.CreateVolumeDetails(
        compartment_id=cloud.compartment, availability_domain=cloud.domains[1], size_in_gbs=50
    )
    storage = oci.core.BlockstorageClientCompositeOperations(cloud.storage)
    volume = storage.create_volume_and_wait_for_state(details, ["AVAILABLE"]).data
    attach = models.AttachParavirtualizedVolumeDetails(instance_id=machine.id, volume_id=volume.id)
    text = refused(400, "InvalidParameter", cloud.compute.attach_volume, attach)
    assert cloud.domains[1] in text
    storage.delete_volume_and_wait_for_state(volume.id, ["TERMINATED"])


def test_a_reboot_keeps_the_machine_and_its_address(machine: Machine, address: str) -> None:
    boot = "stat --format %Y /proc/1"
    before = machine.ssh(address, boot)
    compute = oci.core.ComputeClientCompositeOperations(machine.caller.compute)
    compute.instance_action_and_wait_for_state(machine.id, "SOFTRESET", ["RUNNING"])
    machine.wait_for_ssh(address)
    assert machine.ssh(address, boot) != before
    assert machine.ssh(address, "cat /etc/launched") == "by user data"


def test_a_running_machine_can_not_be_started(machine: Machine) -> None:
    refused(409, "IncorrectState", machine.caller.compute.instance_action, machine.id, "START")


def test_a_restart_of_the_server_leaves_machines_alone(
    cloud: Caller, machine: Machine, address: str
) -> None:
    boot = machine.ssh(address, "stat --format %Y /proc/1")
    localcloud("restart", "--home", str(cloud.home.path))
    assert machine.state == "RUNNING"
    assert machine.ssh(address, "stat --format %Y /proc/1") == boot


def test_a_launch_cut_short_by_a_crash_is_completed_and_its_end_frees_all(
    cloud: Caller, network: Network, keys: Keys
) -> None:
    inject(cloud, kind="slowBoot", seconds=60, times=1)
    second = Machine(network, keys, hostname="second")
    assert second.state == "PROVISIONING"
    pid = server.running(cloud.home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    localcloud("start", "--home", str(cloud.home.path))
    second.wait_until("RUNNING")

    reserved = second.reserve_address()
    second.wait_for_ssh(reserved.ip_address)
    cloud.compute.terminate_instance(second.id)
    second.wait_until("TERMINATED")
    assert not answers(reserved.ip_address, 22)
    released = cloud.network.get_public_ip(reserved.id).data
    assert (released.lifecycle_state, released.private_ip_id) == ("AVAILABLE", None)
    refused(404, "NotAuthorizedOrNotFound", cloud.network.get_private_ip, second.private_ip_id)
    cloud.network.delete_public_ip(reserved.id)


def inject(cloud: Caller, **fault: Any) -> None:
    with cloud.control() as http:
        http.post("/faults", json=fault).raise_for_status()


def test_an_ephemeral_address_lives_and_ends_with_its_machine_however_late_its_sshd(
    cloud: Caller, network: Network, keys: Keys
) -> None:
    inject(cloud, kind="sshdLate", seconds=8, times=1)
    third = Machine(network, keys, hostname="third", assign_public_ip=True)
    third.wait_until("RUNNING")
    address = cloud.network.get_vnic(third.vnic_id).data.public_ip
    assert not answers(address, 22), "sshd is late"
    third.wait_for_ssh(address)
    assert "ephemeral" in refused(409, "Conflict", third.reserve_address)
    cloud.compute.terminate_instance(third.id)
    third.wait_until("TERMINATED")
    details = models.GetPublicIpByIpAddressDetails(ip_address=address)
    refused(404, "NotAuthorizedOrNotFound", cloud.network.get_public_ip_by_ip_address, details)


def test_package_updates_hold_the_locks_of_apt_after_a_first_boot(
    cloud: Caller, network: Network, keys: Keys
) -> None:
    inject(cloud, kind="aptBusy", seconds=300, times=1)
    busy = Machine(network, keys, hostname="busy", assign_public_ip=True)
    busy.wait_until("RUNNING")
    address = cloud.network.get_vnic(busy.vnic_id).data.public_ip
    busy.wait_for_ssh(address)
    for command, lock in (
        ("apt-get update", "/var/lib/apt/lists/lock"),
        ("apt-get install -o DPkg::Lock::Timeout=0 nothing", "/var/lib/dpkg/lock-frontend"),
        ("dpkg --configure -a", "lock"),
    ):
        assert lock in busy.ssh(address, f"sudo {command} 2>&1 || true")
    assert "unattended-upgr" in busy.ssh(address, "sudo apt-get install nothing 2>&1 || true")
    cloud.compute.terminate_instance(busy.id)
    busy.wait_until("TERMINATED")
