"""Fields, rules and lifecycles that types of resources have in common."""

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import AwareDatetime, Field

from localcloud import ocids
from localcloud.api import errors, wire
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud

_OVER = frozenset({"TERMINATED", "DETACHED", "DELETED"})
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9]{0,14}")

Tags = dict[str, str]


class LifecycleResource(Resource):
    """A resource in a compartment that goes through states."""

    # A state that passes at once, and the state after it; `ResourceType.steps` has the slow states.
    settles: ClassVar[Mapping[str, str]] = {}
    # In these states of the resource its work requests are in progress.
    busy: ClassVar[frozenset[str]] = frozenset()
    compartment_id: str
    time_created: AwareDatetime
    lifecycle_state: str

    @property
    def failure(self) -> str | None:
        """The reason of the last failure, for the errors of a work request."""
        return None


class StandardResource(LifecycleResource):
    """The fields of nearly every resource."""

    id: str
    display_name: str


class Tagged(StandardResource):
    """A resource with tags. There is no tag namespace, so `defined_tags` stays empty."""

    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class SettlingResource(Tagged):
    """A resource that is made at once: AVAILABLE as soon as its creation is answered."""

    settles: ClassVar[Mapping[str, str]] = {"PROVISIONING": "AVAILABLE"}


class TagDetails(Details):
    """The tags of a create or update request."""

    freeform_tags: Tags | None = None
    defined_tags: dict[str, dict[str, Any]] | None = None


class NameAndTags(TagDetails):
    """The fields of nearly every create and update request."""

    display_name: str | None = Field(default=None, min_length=1, max_length=255)


class CreateDetails(NameAndTags):
    """The fields of nearly every create request."""

    compartment_id: str

    def common(self, cloud: Cloud, kind: type[Resource]) -> dict[str, Any]:
        """Return the fields of every new resource; a missing name gets a default.

        Raises 404 for an unknown compartment, 400 for defined tags.
        """
        known_compartment(cloud, self.compartment_id)
        refuse_defined_tags(self)
        now = cloud.now()
        return {
            "id": ocids.mint(kind.kind),
            "compartment_id": self.compartment_id,
            "display_name": self.display_name or f"{kind.kind}{now:%Y%m%d%H%M%S}",
            "freeform_tags": self.freeform_tags or {},
            "time_created": now,
        }


class ChangeCompartmentDetails(Details):
    """The body of every operation `changeCompartment`."""

    compartment_id: str


R = TypeVar("R", bound=Resource)
L = TypeVar("L", bound=LifecycleResource)


def known_compartment(cloud: Cloud, ocid: str) -> None:
    """Raise 404 unless the tenancy has the compartment."""
    if ocid not in cloud.account.compartments:
        raise errors.not_found()


def refuse_defined_tags(details: TagDetails) -> None:
    """Raise 400 for defined tags: they need a tag namespace, which this tenancy lacks."""
    if details.defined_tags:
        namespace = next(iter(details.defined_tags))
        raise errors.invalid_parameter(
            f"TagNamespace {namespace} does not exist in this tenancy. Use freeformTags."
        )


def settle(cloud: Cloud, resource: L) -> L:
    """Store a resource that is in a passing state; its next state follows after the answer."""
    cloud.store.put(resource)
    next_state = resource.settles[resource.lifecycle_state]
    cloud.store.afterwards(lambda: arrive(cloud, resource, next_state))
    return resource


def arrive(cloud: Cloud, resource: LifecycleResource, state: str, **changes: Any) -> None:
    """Move a resource to `state`, with other `changes` of its fields.

    A resource that a request has sent elsewhere meanwhile stays as it is.
    """
    with cloud.store.transaction():
        current = cloud.store.look_up(type(resource), resource.ocid)
        if current and current.lifecycle_state == resource.lifecycle_state:
            cloud.store.put(current.changed(lifecycle_state=state, **changes))


def update(cloud: Cloud, resource: R, details: TagDetails) -> R:
    """Change fields without rules of their own: names, tags and flags."""
    refuse_defined_tags(details)
    return cloud.store.put(resource.updated(details))


def move(cloud: Cloud, resource: L, details: ChangeCompartmentDetails) -> L:
    """Move a resource to another compartment of the tenancy; raises 404 for any other."""
    known_compartment(cloud, details.compartment_id)
    return cloud.store.put(resource.changed(compartment_id=details.compartment_id))


def check_dns_label(label: str) -> None:
    """https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/dns.htm."""
    if not _LABEL.fullmatch(label):
        raise errors.invalid_parameter(
            f"DNS Label {label} is not valid: it must start with a letter and hold at most 15 "
            "letters and digits."
        )


def delete(cloud: Cloud, resource: Resource, *, own: Collection[str] = ()) -> None:
    """Delete a resource with its `own` parts; raises 409 while another resource refers to it."""
    for kind, ocid, state in cloud.store.mentions(resource.ocid):
        other = wire.of_kind(kind)
        if other.needs_others and ocid not in own and state not in _OVER:
            raise errors.still_referenced(resource.title, resource.ocid, other.title, ocid)
    for ocid in (resource.ocid, *own):
        cloud.store.remove(ocid)
