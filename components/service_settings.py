"""The service's own check of its variables, from its sources: nothing else declares them."""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from components.image import SERVICE


def problems(environment: Mapping[str, str]) -> list[str]:
    """Return what the service would refuse, a sentence each that begins with a variable's name.

    The import costs a fifth of a second where applications are registered: call it off the path
    that an update waits for.
    """
    return list(_module().problems(environment))


def secret_names() -> frozenset[str]:
    """Return the names of the service's variables that hold secrets; as costly as `problems`."""
    return frozenset(_module().secret_names())


def _module() -> ModuleType:
    if str(SERVICE) not in sys.path:
        sys.path.append(str(SERVICE))
    return import_module("auth.settings")
