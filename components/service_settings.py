"""The service's own check of its variables, from its sources: nothing else declares them."""

import sys
from collections.abc import Mapping

from components.image import SERVICE


def problems(environment: Mapping[str, str]) -> list[str]:
    """Return what the service would refuse, a sentence each that begins with a variable's name.

    The import costs a fifth of a second where applications are registered: call it off the path
    that an update waits for.
    """
    if str(SERVICE) not in sys.path:
        sys.path.append(str(SERVICE))
    from auth.settings import problems as problems_of_service  # noqa: PLC0415

    return problems_of_service(environment)
