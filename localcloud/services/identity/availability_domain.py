"""Availability domains: the data centres of the region."""

from collections.abc import Sequence
from typing import ClassVar

from localcloud import ocids
from localcloud.api.operation import Call, lists
from localcloud.api.wire import Resource
from localcloud.service import ResourceType

# The real region has a single domain. With three a caller can practise trying the next.
DOMAINS = tuple(f"kSDN:{ocids.REGION.upper()}-AD-{number}" for number in (1, 2, 3))


class AvailabilityDomain(Resource):
    """A data centre of the region."""

    kind: ClassVar[str] = "availabilitydomain"
    title: ClassVar[str] = "Availability Domain"
    id: str
    name: str
    compartment_id: str


def _domains(call: Call) -> Sequence[AvailabilityDomain]:
    return [
        AvailabilityDomain(
            id=ocids.derived("availabilitydomain", name),
            name=name,
            compartment_id=call.cloud.account.tenancy,
        )
        for name in DOMAINS
    ]


RESOURCE_TYPE = ResourceType(
    resource=AvailabilityDomain,
    operations=(
        lists(
            "ListAvailabilityDomains",
            "/availabilityDomains",
            AvailabilityDomain,
            (),
            find=_domains,
        ),
    ),
    limits="""
        - There are three availability domains, although the real region has a single domain, so a
          program can try the next domain. All three are this computer.
    """,
)
