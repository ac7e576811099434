"""Security lists: rules that hold for every VNIC of the subnets that name them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core import traffic
from localcloud.services.core.traffic import (
    IcmpOptions,
    PeerType,
    PortOptions,
    PortRange,
    TrafficRule,
)
from localcloud.services.resources import NameAndTags, Tagged

_ANYWHERE = "0.0.0.0/0"


class IngressSecurityRule(TrafficRule):
    source: str
    source_type: PeerType = "CIDR_BLOCK"


class EgressSecurityRule(TrafficRule):
    destination: str
    destination_type: PeerType = "CIDR_BLOCK"


class SecurityList(Tagged):
    kind: ClassVar[str] = "securitylist"
    vcn_id: str
    ingress_security_rules: list[IngressSecurityRule] = Field(default_factory=list)
    egress_security_rules: list[EgressSecurityRule] = Field(default_factory=list)


class UpdateSecurityListDetails(NameAndTags):
    ingress_security_rules: list[IngressSecurityRule] | None = None
    egress_security_rules: list[EgressSecurityRule] | None = None


def default_rules(vcn_blocks: Sequence[str]) -> dict[str, Any]:
    """Return what a VCN's default security list allows at first: SSH from anywhere, and out."""
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


def update(
    cloud: Cloud, security_list: SecurityList, wish: UpdateSecurityListDetails
) -> SecurityList:
    for ingress in wish.ingress_security_rules or ():
        ingress.check_traffic()
        ingress.check_ingress(traffic.check_peer("source", ingress.source, ingress.source_type))
    for egress in wish.egress_security_rules or ():
        egress.check_traffic()
        traffic.check_peer("destination", egress.destination, egress.destination_type)
    return resource.update(cloud, security_list, wish)
