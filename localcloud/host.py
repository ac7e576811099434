"""The computer of the emulated cloud: its machines run on this computer's own processor."""

import platform

_DEFAULT_SHAPES = {"amd64": "VM.Standard.E4.Flex", "arm64": "VM.Standard.A1.Flex"}


def architecture() -> str:
    """Return Docker's name of this computer's architecture."""
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "amd64"


def default_shape() -> str:
    """Return the flexible shape that this computer's processor can carry."""
    return _DEFAULT_SHAPES[architecture()]
