"""The default configurations and the shapes of database systems, which Oracle provides."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from localcloud import ocids
from localcloud.api import errors, paging
from localcloud.api.operation import Call, Operation, Reply, describe
from localcloud.api.wire import Resource
from localcloud.service import ResourceType

VERSIONS = ("14", "15", "16")
SHAPES = ("VM.Standard.E4.Flex", "VM.Standard.E5.Flex", "VM.Standard3.Flex")
PREFIX = "PostgreSQL."  # of shapes, in requests
_PUBLISHED = datetime(2025, 1, 15, tzinfo=UTC)


class DefaultConfiguration(Resource):
    """A configuration that Oracle provides, for each shape and size."""

    kind: ClassVar[str] = "postgresqldefaultconfiguration"
    title: ClassVar[str] = "Default Configuration"
    needs_others: ClassVar[bool] = False
    id: str
    display_name: str
    description: str = ""
    time_created: datetime = _PUBLISHED
    lifecycle_state: str = "ACTIVE"
    db_version: str
    shape: str = "*"
    is_flexible: bool = True
    instance_ocpu_count: int = 0
    instance_memory_size_in_gbs: int = 0


def default(version: str) -> DefaultConfiguration:
    """Return the configuration of systems of a major version that name none."""
    name = f"PostgreSQL.Flex-{version}"
    return DefaultConfiguration(
        id=ocids.derived(DefaultConfiguration.kind, name), display_name=name, db_version=version
    )


def configurations() -> Sequence[DefaultConfiguration]:
    """Return all configurations, a single one for each version."""
    return [default(version) for version in VERSIONS]


def _get(call: Call) -> Reply:
    for each in configurations():
        if each.id == call.target:
            return describe(each)
    raise errors.not_found()


def collection(items: Sequence[dict[str, Any]], call: Call, fields: dict[str, str]) -> Reply:
    """Return a page as this service answers lists: an object with `items`."""
    sort_by = {"timeCreated": "timeCreated", "displayName": "displayName"}
    page = paging.page(items, call.query, fields, sort_by)
    return Reply(body={"items": page["body"]}, headers=page["headers"])


def _list(call: Call) -> Reply:
    items = [each.wire() for each in configurations()]
    return collection(items, call, {"dbVersion": "dbVersion", "configurationId": "id"})


def _list_shapes(call: Call) -> Reply:
    items = [
        {
            "id": shape,
            "shape": shape,
            "ocpuCount": 1,
            "memorySizeInGBs": 16,
            "isFlexible": True,
            "shapeMemoryOptions": {"minInGBs": 16, "maxInGBs": 1024, "minPerOcpuInGBs": 1},
            "shapeOcpuOptions": {"min": 1, "max": 64},
        }
        for shape in SHAPES
    ]
    return collection(items, call, {"id": "id"})


RESOURCE_TYPE = ResourceType(
    resource=DefaultConfiguration,
    operations=(
        Operation(
            name="ListDefaultConfigurations",
            method="GET",
            path="/defaultConfigurations",
            answer=_list,
            queries=paging.PARAMETERS | {"dbVersion", "configurationId"},
        ),
        Operation(
            name="GetDefaultConfiguration",
            method="GET",
            path="/defaultConfigurations/{defaultConfigurationId}",
            answer=_get,
        ),
        Operation(
            name="ListShapes",
            method="GET",
            path="/shapes",
            answer=_list_shapes,
            queries=paging.PARAMETERS | {"compartmentId", "id"},
        ),
    ),
)
