"""The data volume: formatted once, mounted on each boot, grown when it is bigger."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import contents
from .containers import DATA
from .contents import DataVolumeError
from .errors import ReleaseError
from .files import write_atomically
from .programs import run, succeeds

DEVICE = Path("/dev/oracleoci/oraclevdb")
UNIT = "auth-data.service"
_ATTACH_SECONDS, _RESCAN_SECONDS = 60, 30
_BOOT_SECONDS = 20  # Docker waits for this on each boot
_GB = 1 << 30
_OPTIONS = "nodev,nosuid,noexec"
# A unit of its own and not fstab, which would end in a rescue shell without SSH. Docker waits for
# the first try, not for its success: without the volume it runs, and the containers with data
# don't, as their mount point takes nothing. A volume that comes later is found by the next try.
_UNIT_TEXT = """\
[Unit]
Description=The service's data volume
Before=docker.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/auth-release data-volume mount
ExecStop=/bin/umount {data}
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
"""


def prepare(*, gbs: int) -> None:
    """Make the attached volume the mounted one, of its whole size; format it if it is empty."""
    _wait_for_device(_ATTACH_SECONDS)
    _install_unit()
    if not _is_mounted():
        # the unit may be at one of its tries, which fails on a volume that is not formatted yet
        succeeds("systemctl", "stop", UNIT)
        _format_if_empty()
        mount()
    _grow(gbs)
    run("systemctl", "start", UNIT)  # which starts what waited for the data


def mount() -> None:
    """Mount the volume if it is the service's; raise DataVolumeError if it can't be."""
    if _mounted_device() is None:
        _close_mount_point()
    _wait_for_device(_BOOT_SECONDS)
    if _is_mounted():
        return
    if _mounted_device() is not None:
        _say(f"Let go of the volume that {DEVICE} was before")
        # containers may hold it open: they go on with it until a release takes their place
        run("umount", "--lazy", str(DATA))
        _close_mount_point()
    device_contents = contents.look(DEVICE)
    if not device_contents.is_ours:
        raise device_contents.refuse()
    _grow_unmounted()
    run("mount", "--types", "ext4", "--options", _OPTIONS, str(DEVICE), str(DATA))


def problem() -> str:
    """Say what is wrong with the data volume, and the way out; empty if it is mounted."""
    way_out = (
        f"`systemctl status {UNIT}` says more. If the volume is gone, `make up REFRESH=1` makes a "
        "new and empty one"
    )
    if not DEVICE.is_block_device():
        return f"the data volume is not attached: there is no {DEVICE}. {way_out}"
    if not _is_mounted():
        return f"the data volume {DEVICE} is attached, but not mounted on {DATA}. {way_out}"
    return ""


def is_another(pid: int) -> bool:
    """Whether a container's process has a volume as its data that is no longer the mounted one."""
    try:
        return _data_of(pid).stat().st_dev != DATA.stat().st_dev
    except OSError:
        return False  # it ended, or the volume fails, which is told elsewhere


def _data_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/root/data")  # as the process itself sees it


def start_held_containers() -> None:
    """Start the containers that Docker could not start because their data was not there."""
    # a client's call would start Docker by its socket, and Docker waits for the mount
    if not succeeds("systemctl", "--quiet", "is-active", "docker.service"):
        return
    ids = run("docker", "ps", "--all", "--quiet", "--filter", "label=auth.service").split()
    for container in json.loads(run("docker", "inspect", *ids)) if ids else []:
        if _is_held(container):
            name = container["Name"].lstrip("/")
            _say(f"Start {name}, which waited for its data")
            if not succeeds("docker", "start", name):
                _say(f"{name} does not start; `docker inspect` says why")


def _is_held(container: Mapping[str, Any]) -> bool:
    """Whether Docker failed to start a live container for want of its data, which is there now.

    On a new volume it is not: there the next release begins anew.
    """
    state, policy = container["State"], container["HostConfig"]["RestartPolicy"]["Name"]
    folders = [mount["Source"] for mount in container["Mounts"] if mount["Type"] == "bind"]
    return (
        not state["Running"]
        and policy == "unless-stopped"
        and str(DATA) in state["Error"]
        and all(Path(folder).exists() for folder in folders)
    )


def _wait_for_device(seconds: float) -> None:
    if not _wait_until(DEVICE.is_block_device, seconds):
        raise DataVolumeError(
            f"{DEVICE} did not appear within {seconds:g} s. Is the data volume attached? If it is "
            "gone, `make up REFRESH=1` makes a new and empty one."
        )


def _format_if_empty() -> None:
    """Format the device if it is provably empty; leave anything else as it is."""
    device_contents = contents.look(DEVICE)
    if not (device_contents.is_empty or device_contents.is_half_formatted):
        return
    reason = "is empty" if device_contents.is_empty else "an interrupted run began to format"
    _say(f"Format {DEVICE} of {_size(DEVICE) >> 30} GB, which {reason}")
    _write(contents.MARK)
    # without -E nodiscard the mark would be dropped together with everything else
    run(
        *("mkfs.ext4", "-q", "-F", "-F", "-E", "nodiscard", "-L", contents.LABEL, str(DEVICE)),
        timeout=600,
    )
    _write(bytes(len(contents.MARK)))


def _write(mark: bytes) -> None:
    """Put the mark in its place on the disk, after all that was written before."""
    descriptor = os.open(DEVICE, os.O_WRONLY)
    try:
        os.fsync(descriptor)
        os.pwrite(descriptor, mark, contents.MARK_AT)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _grow(gbs: int) -> None:
    """Let the file system have what the volume has become, mounted as it is."""
    device, wanted = DEVICE.resolve(), gbs << 30

    def is_grown() -> bool:
        if _size(device) < wanted:
            # a disk tells its new size to who asks; one that always knows it has no such file
            rescan = Path(f"/sys/class/block/{device.name}/device/rescan")
            if rescan.exists():
                rescan.write_text("1")
        return _size(device) >= wanted

    if not _wait_until(is_grown, _RESCAN_SECONDS):
        raise DataVolumeError(
            f"the data volume is to have {gbs} GB, but {DEVICE} shows {_size(device) >> 30} GB "
            "after a rescan. If Oracle's console shows the new size, reboot the VM; then: make up"
        )
    before = _capacity()
    try:
        run("resize2fs", str(device), timeout=600)
    except ReleaseError as error:
        raise DataVolumeError(
            f"the file system does not grow while it is mounted ({error}). It grows when it is "
            "mounted next: reboot the VM; then: make up"
        ) from None
    if _capacity() != before:
        _say(f"Grew the file system on {DATA} from {before:.1f} to {_capacity():.1f} GB")


def _grow_unmounted() -> None:
    """Let a file system that is smaller than its volume have all of it, before it is mounted.

    A volume that grew while the VM was off, or on a kernel that lets no mounted one grow.
    """
    if _size(DEVICE) - contents.ext4_size(DEVICE) >= _GB:
        _say(f"Grow the file system on {DEVICE} to {_size(DEVICE) >> 30} GB")
        # which resize2fs insists on; 1: it repaired something
        succeeds("e2fsck", "-f", "-p", str(DEVICE))
        run("resize2fs", str(DEVICE), timeout=600)


def _install_unit() -> None:
    path = Path("/etc/systemd/system") / UNIT
    text = _UNIT_TEXT.format(data=DATA)
    if not path.exists() or path.read_text() != text:
        write_atomically(path, text, mode=0o644)
        run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--quiet", UNIT)


def _close_mount_point() -> None:
    """Let nothing be written beside the volume while it is not mounted, by root neither."""
    DATA.mkdir(parents=True, exist_ok=True)
    if not succeeds("chattr", "+i", str(DATA)):
        _say(f"{DATA} can't be made immutable: this file system has no such attribute")


def _is_mounted() -> bool:
    """Whether this very device is mounted; another one may be, whose volume was taken away."""
    if not DEVICE.is_block_device():
        return False
    number = DEVICE.stat().st_rdev
    return _mounted_device() == f"{os.major(number)}:{os.minor(number)}"


def _mounted_device() -> str | None:
    """Give the number of the device on the mount point, as MAJOR:MINOR; it may be gone."""
    # not by a look at the mount point itself, which fails when the device was taken away
    mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    numbers = [fields[2] for fields in mounts if fields[4] == str(DATA)]
    return numbers[-1] if numbers else None


def _size(device: Path) -> int:
    descriptor = os.open(device, os.O_RDONLY)
    try:
        return os.lseek(descriptor, 0, os.SEEK_END)
    finally:
        os.close(descriptor)


def _capacity() -> float:
    """Give the size of the mounted file system in GB."""
    told = os.statvfs(DATA)
    return told.f_blocks * told.f_frsize / (1 << 30)


def _wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.5)
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
