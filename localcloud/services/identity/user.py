"""Users: they work with the keys that they have, and with the rights of their groups."""

from typing import ClassVar

from localcloud import resources
from localcloud.api.operation import creates, deletes, lists, reads
from localcloud.cloud import Cloud
from localcloud.service import ResourceType
from localcloud.services.identity.named import CreateNamedDetails, Named, in_tenancy


class IdentityUser(Named):
    """A user of the tenancy."""

    kind: ClassVar[str] = "user"
    title: ClassVar[str] = "User"


def _create(cloud: Cloud, details: CreateNamedDetails) -> IdentityUser:
    return in_tenancy(cloud, IdentityUser, details)


RESOURCE_TYPE = ResourceType(
    resource=IdentityUser,
    operations=(
        creates("CreateUser", "/users", IdentityUser, CreateNamedDetails, _create),
        lists("ListUsers", "/users", IdentityUser, ("compartmentId", "name"), sort_keys=()),
        reads("GetUser", "/users/{userId}", IdentityUser),
        deletes("DeleteUser", "/users/{userId}", IdentityUser, resources.delete),
    ),
    limits="""
        - Users, groups and policies are kept for rights on buckets alone. Each other request comes
          from the account's owner, who may do everything, or from its reporter of metrics.
    """,
)
