"""What a machine's container may do: nearly all, as a Docker engine runs in it.

`--privileged` would say the same, but fails on a host that lacks a capability itself; naming those
that are there does not.
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
    """Give the flags of `docker create` for a container that boots and runs containers."""
    return [
        "--cap-add=ALL",
        *(f"--cap-drop={name}" for name in missing(_bounding_set())),
        *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        *("--security-opt", "systempaths=unconfined"),
        "--cgroupns=private",
        # loop devices for volumes, and what dockerd makes
        *("--device-cgroup-rule", "a *:* rwm"),
    ]


def missing(bounding_set: int) -> list[str]:
    """Name the capabilities that are not in the set (capabilities(7))."""
    return [name for name, bit in _WITHHELD.items() if not bounding_set >> bit & 1]


def _bounding_set() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    return -1
