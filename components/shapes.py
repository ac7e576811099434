"""The shapes of VMs, without Pulumi: commands ask for them as well."""

import re


def platform_of(shape: str) -> str:
    """Return Docker's name for a shape's architecture: Ampere (A1, A2, A4) is arm64."""
    return "linux/arm64" if re.search(r"\.A\d", shape) else "linux/amd64"


def processors_of(shape: str, ocpus: int) -> int:
    """Return the number of processors that a VM has: an OCPU of A1 is a core, else two.

    Source: https://docs.oracle.com/en-us/iaas/Content/Compute/References/computeshapes.htm
    """
    return ocpus if ".A1" in shape else 2 * ocpus
