"""Modules of large packages, imported without the rest of their package.

Before Python imports a module, it runs the packages around it. The engine waits for its plugins,
and they need a few modules of large packages. Processor time with and without the packages, in
seconds:

- `pulumi.runtime.proto`, the messages of the provider protocol: 0.21 and 0.09
- `oci.signer`, the signature of a request: 0.26 and 0.16
- `docker.utils.build`, the patterns of a .dockerignore: 0.13 and 0.04
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

EMPTY = ("pulumi", "pulumi.runtime", "oci")  # in the process of the plugins


def leave_out_contents(*packages: str) -> None:
    """Make packages without contents, which lead to their modules; an outer comes before an inner.

    The rest of the process has no others: `import pulumi` gives an empty package.
    """
    for name in packages:
        package = ModuleType(name)
        package.__path__ = [str(folder(name))]
        sys.modules[name] = package


@contextmanager
def left_out_contents(*packages: str) -> Iterator[None]:
    """Leave out the contents of packages for a while; the first package is the outermost.

    Modules that were imported meanwhile go on to work. A later import of the packages is whole.
    """
    before = _modules_of(packages[0])
    _forget(before)
    leave_out_contents(*packages)
    try:
        yield
    finally:
        _forget(_modules_of(packages[0]))
        sys.modules.update(before)


def folder(name: str) -> Path:
    """Return a package's folder, without an import; an inner package's outer one is imported."""
    outer, _, inner = name.rpartition(".")
    if outer:
        return Path(sys.modules[outer].__path__[0]) / inner
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package {name} is not installed here", name=name)
    return Path(spec.origin).parent


def _modules_of(package: str) -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in sys.modules.copy().items()  # another thread may import meanwhile
        if name == package or name.startswith(f"{package}.")
    }


def _forget(modules: dict[str, ModuleType]) -> None:
    for name in modules:
        del sys.modules[name]
