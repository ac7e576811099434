"""The Identity service: its availability domains, and nothing else of it."""

from collections.abc import Sequence
from typing import ClassVar

from localcloud import ocids
from localcloud.api.operation import Call, lists
from localcloud.api.wire import Resource
from localcloud.service import ResourceType, Service

# The real region has one domain. Three let a caller practise trying the next one.
DOMAINS = tuple(f"kSDN:{ocids.REGION.upper()}-AD-{number}" for number in (1, 2, 3))


class AvailabilityDomain(Resource):
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


SERVICE = Service(title="Identity", version="20160918", clients=("oci_identity.IdentityClient",))
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
        - There are three availability domains, although the real region has a single one: so a
          program can try the next domain. All three are this computer.
    """,
)
