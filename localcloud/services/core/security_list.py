"""Security lists: rules that hold for every VNIC of the subnets that name them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from localcloud import resources
from localcloud.api import wire
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, SettlingResource
from localcloud.service import ResourceType
from localcloud.services.core import traffic
from localcloud.services.core.filters import IN_VCN
from localcloud.services.core.traffic import (
    IcmpOptions,
    PeerType,
    PortOptions,
    PortRange,
    TrafficRule,
)
from localcloud.services.work_requests import moves

_ANYWHERE = "0.0.0.0/0"


class IngressSecurityRule(TrafficRule):
    """A rule for packets to the subnet."""

    source: str
    source_type: PeerType = "CIDR_BLOCK"


class EgressSecurityRule(TrafficRule):
    """A rule for packets from the subnet."""

    destination: str
    destination_type: PeerType = "CIDR_BLOCK"


class SecurityList(SettlingResource):
    """A security list with its rules."""

    kind: ClassVar[str] = "securitylist"
    title: ClassVar[str] = "Security List"
    vcn_id: str
    ingress_security_rules: list[IngressSecurityRule] = Field(default_factory=list)
    egress_security_rules: list[EgressSecurityRule] = Field(default_factory=list)


class CreateSecurityListDetails(CreateDetails):
    """The request for a security list."""

    vcn_id: str
    ingress_security_rules: list[IngressSecurityRule]
    egress_security_rules: list[EgressSecurityRule]


class UpdateSecurityListDetails(NameAndTags):
    """The update of a security list; its rules are replaced together."""

    ingress_security_rules: list[IngressSecurityRule] | None = None
    egress_security_rules: list[EgressSecurityRule] | None = None


def default_rules(vcn_blocks: Sequence[str]) -> dict[str, Any]:
    """Return the first rules of a default security list: SSH from anywhere, everything out."""
    unreachable = IcmpOptions(type=3)
    return {
        "ingress_security_rules": [
            IngressSecurityRule(
                protocol="6",
                source=_ANYWHERE,
                tcp_options=PortOptions(destination_port_range=PortRange(min=22, max=22)),
            ),
            IngressSecurityRule(
                protocol="1", source=_ANYWHERE, icmp_options=IcmpOptions(type=3, code=4)
            ),
            *(
                IngressSecurityRule(protocol="1", source=block, icmp_options=unreachable)
                for block in vcn_blocks
            ),
        ],
        "egress_security_rules": [EgressSecurityRule(protocol="all", destination=_ANYWHERE)],
    }


def create(cloud: Cloud, details: CreateSecurityListDetails) -> SecurityList:
    """Create a security list in a VCN."""
    security_list = SecurityList(
        **details.common(cloud, SecurityList),
        lifecycle_state="PROVISIONING",
        vcn_id=cloud.store.related(wire.of_kind("vcn"), "vcnId", details.vcn_id).ocid,
    )
    rules = UpdateSecurityListDetails(
        ingress_security_rules=details.ingress_security_rules,
        egress_security_rules=details.egress_security_rules,
    )
    return resources.settle(cloud, update(cloud, security_list, rules))


def update(
    cloud: Cloud, security_list: SecurityList, details: UpdateSecurityListDetails
) -> SecurityList:
    """Replace rules; raises 400 for a rule that can't be enforced here."""
    for ingress in details.ingress_security_rules or ():
        ingress.check_traffic()
        ingress.check_ingress(traffic.check_peer("source", ingress.source, ingress.source_type))
    for egress in details.egress_security_rules or ():
        egress.check_traffic()
        traffic.check_peer("destination", egress.destination, egress.destination_type)
    return resources.update(cloud, security_list, details)


RESOURCE_TYPE = ResourceType(
    resource=SecurityList,
    operations=(
        creates(
            "CreateSecurityList", "/securityLists", SecurityList, CreateSecurityListDetails, create
        ),
        lists("ListSecurityLists", "/securityLists", SecurityList, IN_VCN),
        reads("GetSecurityList", "/securityLists/{securityListId}", SecurityList),
        updates(
            "UpdateSecurityList",
            "/securityLists/{securityListId}",
            SecurityList,
            UpdateSecurityListDetails,
            update,
        ),
        moves("ChangeSecurityListCompartment", "/securityLists/{securityListId}", SecurityList),
        deletes(
            "DeleteSecurityList",
            "/securityLists/{securityListId}",
            SecurityList,
            resources.delete,
        ),
    ),
)
