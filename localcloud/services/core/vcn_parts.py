"""Route tables and security lists of a VCN, beside those that it comes with."""

from localcloud import ocids
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core import route_table, security_list
from localcloud.services.core.route_table import RouteRule, RouteTable, UpdateRouteTableDetails
from localcloud.services.core.security_list import (
    EgressSecurityRule,
    IngressSecurityRule,
    SecurityList,
    UpdateSecurityListDetails,
)
from localcloud.services.core.vcn import Vcn
from localcloud.services.resources import CreateDetails


class CreateRouteTableDetails(CreateDetails):
    vcn_id: str
    route_rules: list[RouteRule]


class CreateSecurityListDetails(CreateDetails):
    vcn_id: str
    ingress_security_rules: list[IngressSecurityRule]
    egress_security_rules: list[EgressSecurityRule]


def create_route_table(cloud: Cloud, wish: CreateRouteTableDetails) -> RouteTable:
    table = RouteTable(
        **wish.common(cloud, "routetable"),
        id=ocids.mint("routetable"),
        lifecycle_state="PROVISIONING",
        vcn_id=cloud.store.related(Vcn, "vcnId", wish.vcn_id).id,
    )
    rules = UpdateRouteTableDetails(route_rules=wish.route_rules)
    return resource.settle(cloud, route_table.update(cloud, table, rules), "AVAILABLE")


def create_security_list(cloud: Cloud, wish: CreateSecurityListDetails) -> SecurityList:
    empty = SecurityList(
        **wish.common(cloud, "securitylist"),
        id=ocids.mint("securitylist"),
        lifecycle_state="PROVISIONING",
        vcn_id=cloud.store.related(Vcn, "vcnId", wish.vcn_id).id,
    )
    rules = UpdateSecurityListDetails(
        ingress_security_rules=wish.ingress_security_rules,
        egress_security_rules=wish.egress_security_rules,
    )
    return resource.settle(cloud, security_list.update(cloud, empty, rules), "AVAILABLE")
