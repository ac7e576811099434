"""The checks before a release. They change nothing."""

import platform
import shutil
from pathlib import Path

from . import certificate, containers, data_volume, logins, proxy, registry
from .desired import Desired
from .errors import ReleaseError

# A release needs room for its image twice, compressed and unpacked, and the host needs its own.
IMAGE_TIMES = 2
FREE_BYTES = 512 << 20
CLOCK_SECONDS = 120  # tokens and certificates depend on the time
_PROC = Path("/proc")
# of control groups 1 and 2: the folder, and the names of bound, use, and the cache that makes room
_BOUNDS = (
    (
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
)
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def check(desired: Desired, *, fetched: bool) -> None:
    """Raise ReleaseError for the first obstacle to the release.

    `fetched`: this host has the image already.
    """
    if problem := data_volume.problem():
        raise ReleaseError(problem)
    _check_memory(desired)
    # an expired certificate of a CA that is down stops no other release
    if not proxy.is_at_names(desired):
        certificate.check(desired)
    size = 0
    if not fetched:
        logins.check(desired)
        offer = registry.look_up(desired)
        machine = _MACHINES.get(platform.machine(), platform.machine())
        if machine not in offer.architectures:
            built = " and ".join(sorted(offer.architectures))
            raise ReleaseError(
                f"the image is built for {built}, this host is {machine}: build for linux/{machine}"
            )
        if abs(offer.clock) > CLOCK_SECONDS:
            raise ReleaseError(
                f"this host's clock is {offer.clock:+.0f} s off the registry's: see `timedatectl`"
            )
        size = offer.size
    for path in (containers.IMAGES, containers.DATA):
        _check_space(path, FREE_BYTES + IMAGE_TIMES * size)


def _check_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path).free
    if free < needed:
        raise ReleaseError(
            f"{path} has {free >> 20} MiB free; the release needs {needed >> 20} MiB. "
            "See its use: docker system df, du -xh --max-depth=2 /"
        )


def _check_memory(desired: Desired) -> None:
    """Check that old and new release fit side by side."""
    available = _available_memory()
    needed = desired.limits.memory_bytes // 2
    if available < needed:
        raise ReleaseError(
            f"this host has {available >> 20} MiB of memory available; another container of up "
            f"to {desired.limits.memory} beside the running containers needs {needed >> 20} MiB. "
            "Give the VM more memory, or run fewer services on it"
        )


def _available_memory() -> int:
    """Return the bytes that new processes can have without taking the memory of others.

    A VM that is a container shares its kernel: the kernel counts the memory of the whole computer,
    and the bound is that of the root of its control groups. The root of a whole computer has none.
    """
    rows = (line.split() for line in (_PROC / "meminfo").read_text().splitlines())
    available = next(int(row[1]) << 10 for row in rows if row[0] == "MemAvailable:")
    for folder, limit, usage, cache in _BOUNDS:
        if (folder / limit).exists() and (text := (folder / limit).read_text().strip()) != "max":
            lines = (folder / "memory.stat").read_text().splitlines()
            statistics = dict(line.split() for line in lines)
            used = int((folder / usage).read_text()) - int(statistics[cache])
            available = min(available, int(text) - used)
    return available
