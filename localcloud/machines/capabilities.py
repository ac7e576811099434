"""The capabilities of a machine's container: nearly all, as a Docker engine runs in it.

`--privileged` would give the same, but fails on a computer that lacks a capability itself. Flags
that name the present capabilities work there.
"""

from pathlib import Path

# Numbers of capabilities that some hosts withhold (linux/capability.h).
_WITHHELD = {
    "SYS_MODULE": 16,
    "SYS_RAWIO": 17,
    "SYS_RESOURCE": 24,
    "SYS_TIME": 25,
    "AUDIT_CONTROL": 30,
    "MAC_OVERRIDE": 32,
    "MAC_ADMIN": 33,
    "SYSLOG": 34,
    "WAKE_ALARM": 35,
    "BLOCK_SUSPEND": 36,
    "AUDIT_READ": 37,
    "PERFMON": 38,
    "BPF": 39,
    "CHECKPOINT_RESTORE": 40,
}


def of_a_machine() -> list[str]:
    """Return the flags of `docker create` for a container that boots and runs containers."""
    return [
        "--cap-add=ALL",
        *(f"--cap-drop={name}" for name in missing(_bounding_set())),
        *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        *("--security-opt", "systempaths=unconfined"),
        "--cgroupns=private",
        # loop devices for volumes, and devices that dockerd makes
        *("--device-cgroup-rule", "a *:* rwm"),
    ]


def missing(bounding_set: int) -> list[str]:
    """Return the names of the capabilities that are not in the set (capabilities(7))."""
    return [name for name, bit in _WITHHELD.items() if not bounding_set >> bit & 1]


def _bounding_set() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    return -1
