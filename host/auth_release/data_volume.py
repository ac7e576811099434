"""The data volume: formatted once, mounted on each boot, grown when it is bigger."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import contents
from .containers import DATA, Docker
from .contents import DataVolumeError
from .errors import ReleaseError
from .files import write_changed
from .programs import run, succeeds

DEVICE = Path("/dev/oracleoci/oraclevdb")
UNIT = "auth-data.service"
_ATTACH_SECONDS, _RESCAN_SECONDS = 60, 30
_BOOT_SECONDS = 20  # Docker waits for this on each boot
_GB = 1 << 30
_OPTIONS = "nodev,nosuid,noexec"
# A unit of its own and not fstab, which would end in a rescue shell without SSH. Docker waits for
# the first try, not for its success: without the volume Docker runs, but the containers with data
# do not, as their mount point is closed. The next try mounts a volume that comes later.
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
    """Mount the attached volume in its whole size; format it first if it is empty."""
    _wait_for_device(_ATTACH_SECONDS)
    _install_unit()
    if not _is_mounted():
        # a try of the unit may be under way, which fails on a volume without a file system
        succeeds("systemctl", "stop", UNIT)
        _format_if_empty()
        mount()
        # a copying that began on another volume looks at this one
        succeeds("systemctl", "try-restart", "auth-backup@*.service")
    _grow(gbs)
    run("systemctl", "start", UNIT)  # it starts the containers that waited for the data


def mount() -> None:
    """Mount the volume if it is the service's; raise DataVolumeError if it can't be."""
    if _mounted_device() is None:
        _close_mount_point()
    _wait_for_device(_BOOT_SECONDS)
    if _is_mounted():
        return
    if _mounted_device() is not None:
        _show(f"Let go of the volume that {DEVICE} was before")
        # containers may hold it open: they go on with it until a release takes their place
        run("umount", "--lazy", str(DATA))
        _close_mount_point()
    device_contents = contents.look(DEVICE)
    if not device_contents.is_ours:
        raise device_contents.refuse()
    _grow_unmounted()
    run("mount", "--types", "ext4", "--options", _OPTIONS, str(DEVICE), str(DATA))


def problem() -> str | None:
    """Describe the data volume's problem and the way out; return None if it is mounted."""
    way_out = (
        f"See `systemctl status {UNIT}`. If the volume is gone, `make up REFRESH=1` makes a new "
        "and empty volume"
    )
    if not DEVICE.is_block_device():
        return f"the data volume is not attached: there is no {DEVICE}. {way_out}"
    if not _is_mounted():
        return f"the data volume {DEVICE} is attached, but not mounted on {DATA}. {way_out}"
    return None


def is_another(pid: int) -> bool:
    """Whether a container's process still uses a volume that is no longer mounted here."""
    try:
        return _data_of(pid).stat().st_dev != DATA.stat().st_dev
    except OSError:
        return False  # it ended, or the volume fails, which `problem` reports


def _data_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/root/data")  # in the process's own view


def start_held_containers() -> None:
    """Start the containers that Docker could not start without their data."""
    # a client's call would start Docker by its socket, and Docker waits for the mount
    if not succeeds("systemctl", "--quiet", "is-active", "docker.service"):
        return
    for container in Docker().labelled(""):
        if _is_held(container):
            name = container["Name"].lstrip("/")
            _show(f"Start {name}, which waited for its data")
            if not succeeds("docker", "start", name):
                _show(f"{name} does not start; see `docker inspect {name}`")


def _is_held(container: Mapping[str, Any]) -> bool:
    """Whether Docker could not start a live container without its data, which is there now.

    A new volume has no data: there the next release starts a container.
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
            "gone, `make up REFRESH=1` makes a new and empty volume."
        )


def _format_if_empty() -> None:
    """Format the device if it is provably empty; else leave it as it is."""
    device_contents = contents.look(DEVICE)
    if not (device_contents.is_empty or device_contents.is_half_formatted):
        return
    reason = "is empty" if device_contents.is_empty else "an interrupted run began to format"
    _show(f"Format {DEVICE} of {_size(DEVICE) >> 30} GB, which {reason}")
    _write(contents.MARK)
    # without -E nodiscard the mark would go with all other blocks
    run(
        *("mkfs.ext4", "-q", "-F", "-F", "-E", "nodiscard", "-L", contents.LABEL, str(DEVICE)),
        timeout=600,
    )
    _write(bytes(len(contents.MARK)))


def _write(mark: bytes) -> None:
    """Write the mark to its place on the disk, after all earlier writes."""
    descriptor = os.open(DEVICE, os.O_WRONLY)
    try:
        os.fsync(descriptor)
        os.pwrite(descriptor, mark, contents.MARK_AT)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _grow(gbs: int) -> None:
    """Grow the mounted file system to the volume's new size."""
    device, wanted = DEVICE.resolve(), gbs << 30

    def is_grown() -> bool:
        if _size(device) < wanted:
            # a disk shows its new size after a rescan; some kinds need none, and lack the file
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
        _show(f"Grew the file system on {DATA} from {before:.1f} to {_capacity():.1f} GB")


def _grow_unmounted() -> None:
    """Grow a file system that is smaller than its volume, before it is mounted.

    The volume grew while the VM was off, or the kernel grows no mounted file system.
    """
    if _size(DEVICE) - contents.ext4_size(DEVICE) >= _GB:
        _show(f"Grow the file system on {DEVICE} to {_size(DEVICE) >> 30} GB")
        # resize2fs insists on this check; status 1 is a repair
        succeeds("e2fsck", "-f", "-p", str(DEVICE))
        run("resize2fs", str(DEVICE), timeout=600)


def _install_unit() -> None:
    path = Path("/etc/systemd/system") / UNIT
    if write_changed(path, _UNIT_TEXT.format(data=DATA)):
        run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--quiet", UNIT)


def _close_mount_point() -> None:
    """Refuse every write to the mount point while nothing is mounted, even root's."""
    DATA.mkdir(parents=True, exist_ok=True)
    if not succeeds("chattr", "+i", str(DATA)):
        _show(f"{DATA} can't be made immutable: this file system has no such attribute")


def _is_mounted() -> bool:
    """Whether this device is mounted; a former volume's device may be mounted in its place."""
    if not DEVICE.is_block_device():
        return False
    number = DEVICE.stat().st_rdev
    return _mounted_device() == f"{os.major(number)}:{os.minor(number)}"


def _mounted_device() -> str | None:
    """Return the number of the mounted device, as MAJOR:MINOR; the device may be gone."""
    # stat(2) of the mount point fails once the device is gone
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
    """Return the size of the mounted file system in GB."""
    file_system = os.statvfs(DATA)
    return file_system.f_blocks * file_system.f_frsize / (1 << 30)


def _wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.5)
    return True


def _show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
