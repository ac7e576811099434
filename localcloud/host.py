"""The computer of the emulated cloud: its machines run on this computer's own processor."""

import platform

from common import inotify

_DEFAULT_SHAPES = {"amd64": "VM.Standard.E4.Flex", "arm64": "VM.Standard.A1.Flex"}

_OF_A_MACHINE = 14  # inotify instances of systemd, dbus, the kubelet and containerd, as counted


def architecture() -> str:
    """Return Docker's name of this computer's architecture."""
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "amd64"


def default_shape() -> str:
    """Return the flexible shape that this computer's processor can carry."""
    return _DEFAULT_SHAPES[architecture()]


def shortage(limit: int | None = None) -> str:
    """Return a sentence about the limit of the kernel that clusters meet first; else nothing.

    A machine over the limit restarts again and again, as its systemd can't begin. All containers
    count for one user.
    """
    instances = inotify.limit() if limit is None else limit
    if instances >= inotify.ENOUGH:
        return ""
    return (
        f" This computer allows {instances} inotify instances, which about "
        f"{instances // _OF_A_MACHINE} machines take, of all emulated clouds together. If its "
        "machines restart again and again (see `docker ps`), raise it: "
        f"sudo sysctl {inotify.SETTING}"
    )
