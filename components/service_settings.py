"""The service's own check of its environment variables, imported from its sources."""

import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from components.image import SERVICE


class SourcesError(Exception):
    """The service's sources can't be imported; the text is the reason, with its file and line."""


def problems(environment: Mapping[str, str]) -> list[str]:
    """List the service's problems with its variables, as sentences that begin with a name.

    The import takes a fifth of a second if clients are registered: call it in a thread. Raise
    SourcesError if it fails.
    """
    return list(_module().problems(environment))


def secret_names() -> frozenset[str]:
    """Return the names of the service's variables for secrets; as slow as `problems`."""
    return frozenset(_module().secret_names())


def _module() -> ModuleType:
    if str(SERVICE) not in sys.path:
        sys.path.append(str(SERVICE))
    try:
        return import_module("auth.settings")
    except Exception as error:  # of any kind: the line may be anything
        raise SourcesError(f"{type(error).__name__}: {error}{_place(error)}") from error


def _place(error: Exception) -> str:
    """Return the file and the line of the service's sources at which the import failed."""
    if isinstance(error, SyntaxError):
        return ""  # its text has them
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(SERVICE)]
    if not own:
        return ""
    file = Path(own[-1].filename).relative_to(SERVICE.parent)
    return f" ({file}, line {own[-1].lineno})"
