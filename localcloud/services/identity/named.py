"""Users, groups and policies have a name that is unique in the tenancy, and a text."""

from typing import Any, TypeVar

from pydantic import Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.resources import LifecycleResource, TagDetails, Tags


class Named(LifecycleResource):
    """A user, a group or a policy, ACTIVE at once."""

    id: str
    name: str
    description: str
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class CreateNamedDetails(TagDetails):
    """The request for a user or a group; it belongs to the tenancy itself."""

    compartment_id: str
    name: str = Field(pattern=r"^[A-Za-z0-9._@+-]{1,100}$")
    description: str = Field(min_length=1, max_length=400)


N = TypeVar("N", bound=Named)


def create(cloud: Cloud, kind: type[N], details: CreateNamedDetails, **fields: Any) -> N:
    """Create it; raises 409 for a name in use, and 404 for an unknown compartment."""
    resources.known_compartment(cloud, details.compartment_id)
    resources.refuse_defined_tags(details)
    if cloud.store.find(kind, name=details.name):
        raise errors.ApiError(
            409, f"{kind.title}AlreadyExists", f"{kind.title} {details.name} already exists."
        )
    return cloud.store.put(
        kind(
            id=ocids.mint(kind.kind),
            compartment_id=details.compartment_id,
            name=details.name,
            description=details.description,
            freeform_tags=details.freeform_tags or {},
            time_created=cloud.now(),
            lifecycle_state="ACTIVE",
            **fields,
        )
    )


def in_tenancy(cloud: Cloud, kind: type[N], details: CreateNamedDetails) -> N:
    """Create a user or a group; raises 400 for another compartment than the tenancy."""
    if details.compartment_id != cloud.account.tenancy:
        raise errors.invalid_parameter(
            f"compartmentId is {details.compartment_id}: a {kind.title.lower()} belongs to the "
            f"tenancy, {cloud.account.tenancy}."
        )
    return create(cloud, kind, details)
