"""The shapes of VMs, without Pulumi: commands ask for them as well."""

import re


def platform_of(shape: str) -> str:
    """Return Docker's name for a shape's architecture: Ampere (A1, A2, A4) is arm64."""
    return "linux/arm64" if re.search(r"\.A\d", shape) else "linux/amd64"
