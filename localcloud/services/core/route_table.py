"""Route tables: where a subnet's packets for the world go."""

from typing import ClassVar, Literal

from pydantic import Field

from localcloud import resources
from localcloud.api import errors, wire
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, SettlingResource
from localcloud.service import ResourceType
from localcloud.services.core import cidr
from localcloud.services.core.filters import IN_VCN
from localcloud.services.work_requests import moves


class RouteRule(Details):
    """The way of packets for a destination."""

    destination: str | None = None
    destination_type: Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK"] = "CIDR_BLOCK"
    cidr_block: str | None = None  # deprecated form of `destination`
    network_entity_id: str
    description: str | None = Field(default=None, max_length=255)
    route_type: Literal["STATIC"] = "STATIC"


class RouteTable(SettlingResource):
    """A route table with its rules."""

    kind: ClassVar[str] = "routetable"
    title: ClassVar[str] = "Route Table"
    vcn_id: str
    route_rules: list[RouteRule] = Field(default_factory=list)


class CreateRouteTableDetails(CreateDetails):
    """The request for a route table."""

    vcn_id: str
    route_rules: list[RouteRule]


class UpdateRouteTableDetails(NameAndTags):
    """The update of a route table; its rules are replaced together."""

    route_rules: list[RouteRule] | None = None


def create(cloud: Cloud, details: CreateRouteTableDetails) -> RouteTable:
    """Create a route table in a VCN."""
    table = RouteTable(
        **details.common(cloud, RouteTable),
        lifecycle_state="PROVISIONING",
        vcn_id=cloud.store.related(wire.of_kind("vcn"), "vcnId", details.vcn_id).ocid,
    )
    rules = UpdateRouteTableDetails(route_rules=details.route_rules)
    return resources.settle(cloud, update(cloud, table, rules))


def update(cloud: Cloud, table: RouteTable, details: UpdateRouteTableDetails) -> RouteTable:
    """Replace rules; raises 400 for a bad destination, or a gateway of another VCN."""
    rules = details.route_rules
    if rules is not None:
        rules = [_checked(cloud, table, rule) for rule in rules]
        destinations = [rule.destination for rule in rules]
        if len(set(destinations)) < len(destinations):
            raise errors.invalid_parameter("Two route rules have the same destination.")
    return resources.update(cloud, table, details.model_copy(update={"route_rules": rules}))


def _checked(cloud: Cloud, table: RouteTable, rule: RouteRule) -> RouteRule:
    if rule.destination_type == "SERVICE_CIDR_BLOCK":
        raise errors.not_implemented("route rules to Oracle services (SERVICE_CIDR_BLOCK)")
    destination = rule.destination or rule.cidr_block
    if destination is None:
        raise errors.missing_parameter(["destination"])
    cidr.parse(destination)
    gateways = cloud.store.mentions(table.vcn_id)
    if ("internetgateway", rule.network_entity_id) not in {
        (kind, ocid) for kind, ocid, _ in gateways
    }:
        raise errors.related_resource_not_found("networkEntityId", rule.network_entity_id)
    return rule.model_copy(update={"destination": destination, "cidr_block": None})


RESOURCE_TYPE = ResourceType(
    resource=RouteTable,
    operations=(
        creates("CreateRouteTable", "/routeTables", RouteTable, CreateRouteTableDetails, create),
        lists("ListRouteTables", "/routeTables", RouteTable, IN_VCN),
        reads("GetRouteTable", "/routeTables/{rtId}", RouteTable),
        updates(
            "UpdateRouteTable", "/routeTables/{rtId}", RouteTable, UpdateRouteTableDetails, update
        ),
        moves("ChangeRouteTableCompartment", "/routeTables/{rtId}", RouteTable),
        deletes("DeleteRouteTable", "/routeTables/{rtId}", RouteTable, resources.delete),
    ),
)
