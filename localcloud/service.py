"""The description of a service and of its types of resources, as their modules give it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.api.operation import Operation
from localcloud.api.wire import Resource
from localcloud.cloud import Cloud


@dataclass(frozen=True, kw_only=True)
class Recurring:
    """Work that the cloud does again and again, `seconds` after the end of the last time."""

    seconds: float
    work: Callable[[Cloud], None]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """A type of resource: a module of a service has it under the name RESOURCE_TYPE.

    `steps` has, by lifecycle state, the work that brings a resource out of that state. A step may
    take its time: it runs in the background, and again after a restart of the API server that cut
    it short. `recover` is called for each resource when the API server starts.
    """

    resource: type[Resource]
    operations: Sequence[Operation]
    steps: Mapping[str, Callable[[Cloud, Any], None]] = field(default_factory=dict)
    recover: Callable[[Cloud, Any], None] | None = None
    recurring: Recurring | None = None
    limits: str = ""  # differences from Oracle Cloud for the coverage page, a Markdown list


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service: a module or package of `services` has it under the name SERVICE."""

    title: str
    version: str  # the first part of its paths, as `20160918`
    clients: Sequence[str]  # as the official provider names them, in clients.txt
    resource_types: Sequence[ResourceType] = ()  # added by `discovery`
