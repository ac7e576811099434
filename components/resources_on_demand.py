"""Import this before a component: `pulumi_oci.core` then imports a resource at its first use.

The package by itself imports all its 250 resources and functions. The program uses 15, and the
other modules are half of the processor time of its imports, Pulumi's SDK aside (0.52 s to 0.26 s).
The resources, their types and the calls to the engine are those of the package.
"""

import importlib
import importlib.util
import re
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import pulumi_oci

_PACKAGE = "pulumi_oci.core"
_INNER_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class OnDemand(ModuleType):
    """The package, which looks for a name in the module of its name, and last in all modules.

    As generated, a resource is in the module of its name, a function in that of its own without
    `_output`, and the type of an argument mostly in `_inputs`.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{_PACKAGE} has no {name}")
        own = _INNER_CAPITAL.sub("_", name).lower()
        for module_name in dict.fromkeys((own, own.removesuffix("_output"), "_inputs")):
            path = f"{_PACKAGE}.{module_name}"
            if importlib.util.find_spec(path) is None:
                continue
            module = importlib.import_module(path)
            if name in module.__dict__:
                # all its names, as the package has them: a function's module has its name
                self.__dict__.update((each, module.__dict__[each]) for each in module.__all__)
                return module.__dict__[name]
            if name == module_name:
                return module
        return self._whole(name)

    def _whole(self, name: str) -> Any:
        """Return a name that is in another module: import the package as it is."""
        spec = _spec()
        if spec.loader is None:
            raise ImportError(f"{_PACKAGE} can't be loaded", name=_PACKAGE)
        spec.loader.exec_module(self)
        if name not in self.__dict__:
            raise AttributeError(f"{_PACKAGE} has no {name}")
        return self.__dict__[name]


def _spec() -> ModuleSpec:
    spec = PathFinder.find_spec(_PACKAGE, pulumi_oci.__path__)
    if spec is None:
        raise ModuleNotFoundError(f"{_PACKAGE} is not installed here", name=_PACKAGE)
    return spec


def _install() -> None:
    spec = _spec()
    package = OnDemand(_PACKAGE)
    package.__spec__, package.__file__ = spec, spec.origin
    package.__path__ = spec.submodule_search_locations or []
    sys.modules[_PACKAGE] = package
    pulumi_oci.core = package


_install()
