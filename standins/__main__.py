"""Serve as a plugin of the engine: `python -m standins NAME ADDRESS`."""

import importlib
import sys

from components import no_collection  # noqa: F401 - before the other imports
from standins import light_imports

light_imports.leave_out_contents("pulumi", "pulumi.runtime", "oci")
importlib.import_module(f"standins.{sys.argv.pop(1)}").serve()
