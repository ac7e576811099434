"""The service's own check of its environment variables, imported from its sources."""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from components.image import SERVICE


def problems(environment: Mapping[str, str]) -> list[str]:
    """List the service's problems with its variables, as sentences that begin with a name.

    The import takes a fifth of a second if clients are registered: call it in a thread.
    """
    return list(_module().problems(environment))


def secret_names() -> frozenset[str]:
    """Return the names of the service's variables for secrets; as slow as `problems`."""
    return frozenset(_module().secret_names())


def _module() -> ModuleType:
    if str(SERVICE) not in sys.path:
        sys.path.append(str(SERVICE))
    return import_module("auth.settings")
