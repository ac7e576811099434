"""The clients of the official provider: all of them are led to the emulator.

So a request to a service that is not modelled is refused by name. A client that is left out would
ask Oracle Cloud, with an account that Oracle Cloud does not have.
"""

from functools import cache
from pathlib import Path


@cache
def names() -> tuple[str, ...]:
    """Return the names that terraform-provider-oci 8.23 registers, and the work requests' client.

    The provider does not yet let that client be led elsewhere:
    https://github.com/oracle/terraform-provider-oci/issues/2620
    """
    return tuple(Path(__file__).with_name("clients.txt").read_text(encoding="utf-8").split())


def overrides(endpoint: str) -> str:
    """Return the value of CLIENT_HOST_OVERRIDES."""
    return ";".join(f"{name}={endpoint}" for name in names())
