"""The data volume on a machine: formatted if it is empty, mounted, swapped, held, grown."""

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import oci
import pytest
from oci.core import models

from components import release_tool
from tests.localcloud.caller import Caller, eventually
from tests.localcloud.machine import Machine

DEVICE = "/dev/oracleoci/oraclevdb"
TOOL = "/usr/local/sbin/auth-release"
Run = Callable[..., str]

MKFS = "/usr/local/sbin/mkfs.ext4"  # found before the distribution's


class Disk:
    """A block volume of the machine, under the name that the tool knows."""

    def __init__(self, cloud: Caller, machine: Machine) -> None:
        self._storage = oci.core.BlockstorageClientCompositeOperations(cloud.storage)
        self._compute = oci.core.ComputeClientCompositeOperations(cloud.compute)
        self._cloud, self._machine = cloud, machine
        details = models.CreateVolumeDetails(
            compartment_id=cloud.compartment, availability_domain=cloud.domains[0], size_in_gbs=50
        )
        self.id = self._storage.create_volume_and_wait_for_state(details, ["AVAILABLE"]).data.id
        self._attachment: Any = None
        self.attach()

    def attach(self) -> None:
        details = models.AttachParavirtualizedVolumeDetails(
            instance_id=self._machine.id, volume_id=self.id, device=DEVICE
        )
        made = self._compute.attach_volume_and_wait_for_state(details, ["ATTACHED"])
        self._attachment = made.data

    def detach(self) -> None:
        if self._attachment is not None:
            self._cloud.detach(self._attachment.id)
        self._attachment = None

    def grow(self, gbs: int) -> None:
        details = models.UpdateVolumeDetails(size_in_gbs=gbs)
        self._storage.update_volume_and_wait_for_state(self.id, details, ["AVAILABLE"])

    def delete(self) -> None:
        self.detach()
        self._storage.delete_volume_and_wait_for_state(self.id, ["TERMINATED"])


@pytest.fixture(scope="module", name="run")
def _run(machine: Machine, address: str) -> Run:
    """Give a function that runs a command as root on a machine that has the release tool."""

    def as_root(command: str, stdin: str = "") -> str:
        return machine.ssh(address, shlex.join(["sudo", "sh", "-c", command]), stdin=stdin)

    output = as_root(f"base64 -d > {TOOL} && chmod 755 {TOOL}", stdin=release_tool.archive())
    assert not output
    return as_root


@pytest.fixture(name="disk")
def _disk(cloud: Caller, machine: Machine, run: Run) -> Iterator[Disk]:
    attached = Disk(cloud, machine)
    yield attached
    run("systemctl stop auth-data; umount --lazy /srv/auth; true")
    attached.delete()


def prepare(run: Run, gbs: int = 50) -> str:
    return run(f"{TOOL} data-volume prepare --gbs {gbs} --disks boot data 2>&1; echo = $?")


def mounted(run: Run) -> str:
    """Print 0 if the device is mounted."""
    device, source = f"readlink -f {DEVICE}", "findmnt --noheadings --output SOURCE /srv/auth"
    return run(f'test "$({device})" = "$({source})"; echo $?')


def reboot(machine: Machine, address: str) -> None:
    compute = oci.core.ComputeClientCompositeOperations(machine.caller.compute)
    compute.instance_action_and_wait_for_state(machine.id, "SOFTRESET", ["RUNNING"])
    machine.wait_for_ssh(address)


@pytest.mark.usefixtures("disk")
def test_an_empty_volume_is_formatted_once_and_keeps_its_data(run: Run) -> None:
    first = prepare(run)
    run("echo accounts > /srv/auth/file")

    second = prepare(run)

    assert f"Format {DEVICE} of 50 GB, which is empty" in first
    assert second.splitlines() == ["= 0"], "an unchanged volume was touched"
    assert mounted(run) == "0"
    assert run("cat /srv/auth/file") == "accounts"


@pytest.mark.usefixtures("disk")
def test_somebodys_volume_stops_the_run_and_stays_as_it_is(run: Run) -> None:
    run(f"mkswap --label somebody {DEVICE}")
    before = run(f"head -c 1048576 {DEVICE} | sha256sum")

    output = prepare(run)

    assert "holds swap labelled 'somebody'" in output
    assert output.endswith("= 1")
    assert run(f"head -c 1048576 {DEVICE} | sha256sum") == before


@pytest.mark.usefixtures("disk")
def test_a_mkfs_that_was_killed_is_finished_by_the_next_run(run: Run) -> None:
    # the tool dies with it, as both do when the VM is reset
    run(
        f"cat > {MKFS}; chmod 755 {MKFS}",
        stdin=f"#!/bin/sh\nhead -c 4M /dev/urandom > {DEVICE}\nsync\nkill -9 $PPID\n",
    )
    try:
        killed = prepare(run)
    finally:
        run(f"rm {MKFS}")

    finished = prepare(run)

    assert "= 137" in killed
    assert "which an interrupted run began to format" in finished
    assert mounted(run) == "0"


def test_a_volume_that_grew_reaches_the_file_system(
    machine: Machine, address: str, run: Run, disk: Disk
) -> None:
    prepare(run)
    run("echo accounts > /srv/auth/file")
    disk.grow(60)

    output = prepare(run, gbs=60)
    if output.endswith("= 1"):
        # a host may keep CAP_SYS_RESOURCE from its containers, without which ext4 grows unmounted
        assert "resize2fs: Permission denied" in output
        assert "reboot the VM" in output
        reboot(machine, address)
        eventually("the mount", lambda: mounted(run), "0")
    else:
        assert "Grew the file system on /srv/auth from 48.9 to" in output

    assert run("df --output=size --block-size=1G /srv/auth").split()[-1] == "59"
    assert run("cat /srv/auth/file") == "accounts"
    assert prepare(run, gbs=60).splitlines() == ["= 0"]


def test_a_new_volume_takes_the_place_of_one_that_was_taken_away_while_mounted(
    cloud: Caller, machine: Machine, run: Run, disk: Disk
) -> None:
    prepare(run)
    run("echo old > /srv/auth/file")
    # as a container does, which keeps the mount in a namespace of its own
    hold = "systemd-run --quiet --unit holder --property PrivateMounts=yes sleep 600"
    assert not run(hold)
    disk.detach()
    new = Disk(cloud, machine)
    try:
        assert mounted(run) != "0", "the old volume should still be mounted"

        output = prepare(run)

        assert "which is empty" in output
        assert mounted(run) == "0"
        assert run("ls /srv/auth") == "lost+found"
    finally:
        run("systemctl stop holder; systemctl stop auth-data; umount --lazy /srv/auth; true")
        new.delete()


def test_a_boot_without_the_volume_leaves_ssh_and_a_mount_point_that_takes_nothing(
    machine: Machine, address: str, run: Run, disk: Disk
) -> None:
    prepare(run)
    run("echo accounts > /srv/auth/file")
    disk.detach()
    reboot(machine, address)

    assert "Operation not permitted" in run("touch /srv/auth/file 2>&1")
    assert run("systemctl is-active auth-data") == "activating"

    # a volume that comes late is found by the tries that go on
    disk.attach()
    eventually("the mount", lambda: mounted(run), "0", seconds=90)
    assert run("cat /srv/auth/file") == "accounts"
