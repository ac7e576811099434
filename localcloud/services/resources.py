"""What the resources of the API have in common."""

import re
from collections.abc import Collection
from typing import Any, TypeVar

from pydantic import AwareDatetime, Field

from localcloud.api import errors
from localcloud.api.wire import Details, Record
from localcloud.cloud import Cloud

NAMES = {
    "internetgateway": "Internet Gateway",
    "networksecuritygroup": "Network Security Group",
    "privateip": "Private IP",
    "routetable": "Route Table",
    "securitylist": "Security List",
    "subnet": "Subnet",
    "vcn": "VCN",
    "vnic": "VNIC",
    "vnicattachment": "VNIC Attachment",
    "volume": "Volume",
    "volumeattachment": "Volume Attachment",
}
_OVER = frozenset({"TERMINATED", "DETACHED"})
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9]{0,14}")

Tags = dict[str, str]


class Resource(Record):
    id: str
    compartment_id: str
    display_name: str
    time_created: AwareDatetime
    lifecycle_state: str


class Tagged(Resource):
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class NameAndTags(Details):
    """The fields that nearly every create and update request has."""

    display_name: str | None = Field(default=None, min_length=1, max_length=255)
    freeform_tags: Tags | None = None
    defined_tags: dict[str, dict[str, Any]] | None = None


class CreateDetails(NameAndTags):
    compartment_id: str

    def common(self, cloud: Cloud, kind: str) -> dict[str, Any]:
        """Return the fields that every new resource starts with; a missing name gets a default."""
        known_compartment(cloud, self.compartment_id)
        refuse_defined_tags(self)
        now = cloud.now()
        return {
            "compartment_id": self.compartment_id,
            "display_name": self.display_name or f"{kind}{now:%Y%m%d%H%M%S}",
            "freeform_tags": self.freeform_tags or {},
            "time_created": now,
        }


class ChangeCompartmentDetails(Details):
    compartment_id: str


R = TypeVar("R", bound=Resource)
T = TypeVar("T", bound=Tagged)


def known_compartment(cloud: Cloud, ocid: str) -> None:
    if ocid not in cloud.account.compartments:
        raise errors.not_found()


def refuse_defined_tags(wish: NameAndTags) -> None:
    """Refuse what needs a tag namespace: this tenancy has none."""
    if wish.defined_tags:
        namespace = next(iter(wish.defined_tags))
        raise errors.invalid_parameter(
            f"TagNamespace {namespace} does not exist in this tenancy. Use freeformTags."
        )


def settle(cloud: Cloud, record: R, state: str) -> R:
    """Keep `record` as it is now, and move it to `state` as soon as the answer is on its way."""

    def arrive() -> None:
        with cloud.store.transaction():
            current = cloud.store.find(type(record), id=record.id)
            if current and current[0].lifecycle_state == record.lifecycle_state:
                cloud.store.put(current[0].changed(lifecycle_state=state))

    cloud.store.put(record)
    cloud.store.afterwards(arrive)
    return record


def update(cloud: Cloud, record: T, wish: NameAndTags) -> T:
    """Change what needs no rule of its own: names, tags and flags."""
    refuse_defined_tags(wish)
    return cloud.store.put(record.updated(wish))


def move(cloud: Cloud, record: R, wish: ChangeCompartmentDetails) -> R:
    known_compartment(cloud, wish.compartment_id)
    return cloud.store.put(record.changed(compartment_id=wish.compartment_id))


def check_dns_label(label: str) -> None:
    """https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/dns.htm."""
    if not _LABEL.fullmatch(label):
        raise errors.invalid_parameter(
            f"DNS Label {label} is not valid: it must start with a letter and hold at most 15 "
            "letters and digits."
        )


def delete(cloud: Cloud, record: Resource, *, own: Collection[str] = ()) -> None:
    """Forget a resource that nothing refers to but its `own` parts, which go with it."""
    for kind, ocid, state in cloud.store.mentions(record.id):
        if ocid not in own and state not in _OVER:
            raise errors.still_referenced(NAMES[record.kind], record.id, NAMES[kind], ocid)
    for ocid in (record.id, *own):
        cloud.store.remove(ocid)
