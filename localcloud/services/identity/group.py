"""Groups: policies give rights to them."""

from typing import ClassVar

from localcloud import resources
from localcloud.api.operation import creates, deletes, lists, reads
from localcloud.cloud import Cloud
from localcloud.service import ResourceType
from localcloud.services.identity.named import CreateNamedDetails, Named, in_tenancy


class Group(Named):
    """A group of users."""

    kind: ClassVar[str] = "group"
    title: ClassVar[str] = "Group"


def _create(cloud: Cloud, details: CreateNamedDetails) -> Group:
    return in_tenancy(cloud, Group, details)


RESOURCE_TYPE = ResourceType(
    resource=Group,
    operations=(
        creates("CreateGroup", "/groups", Group, CreateNamedDetails, _create),
        lists("ListGroups", "/groups", Group, ("compartmentId", "name"), sort_keys=()),
        reads("GetGroup", "/groups/{groupId}", Group),
        deletes("DeleteGroup", "/groups/{groupId}", Group, resources.delete),
    ),
)
