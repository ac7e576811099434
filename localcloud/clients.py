"""The clients of the official provider, all of which are led here.

What none of the modelled services answers is refused by name, then. A client that is left out would
ask Oracle Cloud, with an account that Oracle Cloud does not have.
"""

from functools import cache
from pathlib import Path


@cache
def names() -> tuple[str, ...]:
    """Return them as terraform-provider-oci 8.23 registers them, and that of work requests.

    That one the provider does not let be led elsewhere yet:
    https://github.com/oracle/terraform-provider-oci/issues/2620
    """
    return tuple(Path(__file__).with_name("clients.txt").read_text(encoding="utf-8").split())


def overrides(endpoint: str) -> str:
    """Return the value of CLIENT_HOST_OVERRIDES."""
    return ";".join(f"{name}={endpoint}" for name in names())
