"""All services with their types of resources: nothing else lists them."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

from localcloud import services
from localcloud.service import ResourceType, Service


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """Import the modules of a package, in the order of their names; a plain module has no parts."""
    for info in pkgutil.iter_modules(getattr(package, "__path__", [])):
        yield importlib.import_module(f"{package.__name__}.{info.name}")


def _services() -> Iterator[Service]:
    for module in _modules(services):
        if hasattr(module, "SERVICE"):
            types = (getattr(part, "RESOURCE_TYPE", None) for part in (module, *_modules(module)))
            yield replace(module.SERVICE, resource_types=tuple(filter(None, types)))


SERVICES: tuple[Service, ...] = tuple(_services())
RESOURCE_TYPES: tuple[ResourceType, ...] = tuple(
    resource_type for service in SERVICES for resource_type in service.resource_types
)
