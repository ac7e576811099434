"""Memberships of users in groups."""

from typing import ClassVar

from localcloud import ocids, resources
from localcloud.api.operation import creates, deletes, lists
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import LifecycleResource
from localcloud.service import ResourceType
from localcloud.services.identity.group import Group
from localcloud.services.identity.user import IdentityUser


class UserGroupMembership(LifecycleResource):
    """A user in a group."""

    kind: ClassVar[str] = "groupmembership"
    title: ClassVar[str] = "Membership"
    id: str
    user_id: str
    group_id: str


class AddUserToGroupDetails(Details):
    """The request for a membership."""

    user_id: str
    group_id: str


def _add(cloud: Cloud, details: AddUserToGroupDetails) -> UserGroupMembership:
    """Add a user to a group; a membership that is there already is answered."""
    cloud.store.related(IdentityUser, "userId", details.user_id)
    cloud.store.related(Group, "groupId", details.group_id)
    ends = {"user_id": details.user_id, "group_id": details.group_id}
    for existing in cloud.store.find(UserGroupMembership, **ends):
        return existing
    return cloud.store.put(
        UserGroupMembership(
            id=ocids.mint(UserGroupMembership.kind),
            compartment_id=cloud.account.tenancy,
            time_created=cloud.now(),
            lifecycle_state="ACTIVE",
            **ends,
        )
    )


RESOURCE_TYPE = ResourceType(
    resource=UserGroupMembership,
    operations=(
        creates(
            "AddUserToGroup",
            "/userGroupMemberships",
            UserGroupMembership,
            AddUserToGroupDetails,
            _add,
        ),
        lists(
            "ListUserGroupMemberships",
            "/userGroupMemberships",
            UserGroupMembership,
            ("compartmentId", "userId", "groupId"),
        ),
        deletes(
            "RemoveUserFromGroup",
            "/userGroupMemberships/{userGroupMembershipId}",
            UserGroupMembership,
            resources.delete,
        ),
    ),
)
