"""Serve as a plugin of the engine: `python -m standins NAME ADDRESS`.

The engine starts three plugins for each command and waits for them, so each module costs three
times. A plugin needs the protocol's messages alone. They are in the SDK, `pulumi.runtime.proto`,
and Python runs the packages around a module first: 230 modules of the SDK, more than half of a
plugin's processor time until it answers. So the two packages are empty here, and lead to the
SDK's files. `components.no_collection` takes a part of what is left.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from components import no_collection  # noqa: F401 - before the other imports


def _leave_out_the_sdk() -> None:
    """Make `pulumi` and `pulumi.runtime` packages without contents, which have their modules."""
    sdk = importlib.util.find_spec("pulumi")
    if sdk is None or sdk.origin is None:
        raise ModuleNotFoundError("the package pulumi is not installed here")
    folder = Path(sdk.origin).parent
    for name, path in (("pulumi", folder), ("pulumi.runtime", folder / "runtime")):
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package


_leave_out_the_sdk()
importlib.import_module(f"standins.{sys.argv.pop(1)}").serve()
