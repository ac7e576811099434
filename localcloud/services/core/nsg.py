"""Network security groups: rules that hold for the VNICs that join them."""

import secrets
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from localcloud import resources
from localcloud.api import errors
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    acts,
    creates,
    deletes,
    lists,
    reads,
    updates,
)
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.machines import firewall
from localcloud.resources import CreateDetails, NameAndTags, SettlingResource
from localcloud.service import ResourceType
from localcloud.services.core import traffic
from localcloud.services.core.filters import IN_VCN
from localcloud.services.core.subnet import Subnet
from localcloud.services.core.traffic import PeerType, TrafficRule
from localcloud.services.core.vcn import Vcn
from localcloud.services.work_requests import moves

_GROUP = "/networkSecurityGroups/{networkSecurityGroupId}"
_MOST_RULES = 120
_MOST_RULES_A_CALL = 25


class AddSecurityRuleDetails(TrafficRule):
    """A new rule of a group."""

    direction: Literal["INGRESS", "EGRESS"]
    source: str | None = None
    source_type: PeerType = "CIDR_BLOCK"
    destination: str | None = None
    destination_type: PeerType = "CIDR_BLOCK"

    def check(self) -> None:
        """Raise 400 for a rule that Oracle Cloud refuses, or that can't be enforced here."""
        self.check_traffic()
        if self.direction == "INGRESS":
            self.check_ingress(traffic.check_peer("source", self.source, self.source_type))
        else:
            traffic.check_peer("destination", self.destination, self.destination_type)


class UpdateSecurityRuleDetails(AddSecurityRuleDetails):
    """The new content of a rule."""

    id: str


class SecurityRule(UpdateSecurityRuleDetails):
    """A rule of a group; its `id` is unique within the group."""

    is_valid: bool = True
    time_created: AwareDatetime


class NetworkSecurityGroup(SettlingResource):
    """A network security group with its rules."""

    kind: ClassVar[str] = "networksecuritygroup"
    title: ClassVar[str] = "Network Security Group"
    hidden: ClassVar[frozenset[str]] = frozenset({"security_rules"})
    vcn_id: str
    security_rules: list[SecurityRule] = Field(default_factory=list)


class CreateNetworkSecurityGroupDetails(CreateDetails):
    """The request for a group."""

    vcn_id: str


class UpdateNetworkSecurityGroupDetails(NameAndTags):
    """The update of a group: name and tags."""


class AddSecurityRulesDetails(Details):
    """Up to 25 new rules."""

    security_rules: list[AddSecurityRuleDetails] = Field(max_length=_MOST_RULES_A_CALL)


class UpdateSecurityRulesDetails(Details):
    """Up to 25 rules with new content."""

    security_rules: list[UpdateSecurityRuleDetails] = Field(max_length=_MOST_RULES_A_CALL)


class RemoveSecurityRulesDetails(Details):
    """The ids of up to 25 rules."""

    security_rule_ids: list[str] = Field(max_length=_MOST_RULES_A_CALL)


def create(cloud: Cloud, details: CreateNetworkSecurityGroupDetails) -> NetworkSecurityGroup:
    """Create a group without rules."""
    vcn = cloud.store.related(Vcn, "vcnId", details.vcn_id)
    group = NetworkSecurityGroup(
        **details.common(cloud, NetworkSecurityGroup),
        lifecycle_state="PROVISIONING",
        vcn_id=vcn.id,
    )
    return resources.settle(cloud, group)


def check(cloud: Cloud, subnet: Subnet, ids: Sequence[str] | None) -> None:
    """Raise 400 for a group that a resource in the subnet can't join: one of another VCN."""
    for ocid in ids or ():
        group = cloud.store.related(NetworkSecurityGroup, "nsgIds", ocid)
        if group.vcn_id != subnet.vcn_id:
            raise errors.invalid_parameter(
                f"The network security group {ocid} is in another VCN than subnet {subnet.id}."
            )


def add_rules(
    cloud: Cloud, group: NetworkSecurityGroup, details: AddSecurityRulesDetails
) -> object:
    """Add rules, all together, and return them; raises 400 past 120 rules in the group."""
    if len(group.security_rules) + len(details.security_rules) > _MOST_RULES:
        raise errors.limit_exceeded("security-rules-per-network-security-group-count")
    added = []
    for rule in details.security_rules:
        rule.check()
        added.append(_rule(rule, secrets.token_hex(3).upper(), cloud.now()))
    _keep(cloud, group, [*group.security_rules, *added])
    return _answer(added)


def update_rules(
    cloud: Cloud, group: NetworkSecurityGroup, details: UpdateSecurityRulesDetails
) -> object:
    """Replace rules by their ids, and return them; raises 400 for an unknown id."""
    rules = {rule.id: rule for rule in group.security_rules}
    for change in details.security_rules:
        change.check()
        rules[change.id] = _rule(change, change.id, _existing(rules, change.id).time_created)
    _keep(cloud, group, list(rules.values()))
    return _answer(rules[change.id] for change in details.security_rules)


def remove_rules(
    cloud: Cloud, group: NetworkSecurityGroup, details: RemoveSecurityRulesDetails
) -> None:
    """Remove rules by their ids; raises 400 for an unknown id."""
    rules = {rule.id: rule for rule in group.security_rules}
    for rule_id in details.security_rule_ids:
        del rules[_existing(rules, rule_id).id]
    _keep(cloud, group, list(rules.values()))


def _rule(details: AddSecurityRuleDetails, rule_id: str, created: AwareDatetime) -> SecurityRule:
    fields = {name: getattr(details, name) for name in AddSecurityRuleDetails.model_fields}
    unused = ("destination", "destination_type") if details.direction == "INGRESS" else ("source",)
    return SecurityRule(
        **{name: value for name, value in fields.items() if name not in unused},
        id=rule_id,
        time_created=created,
    )


def _existing(rules: dict[str, SecurityRule], rule_id: str) -> SecurityRule:
    if rule_id not in rules:
        raise errors.invalid_parameter(
            f"The network security group has no security rule '{rule_id}'."
        )
    return rules[rule_id]


def _keep(cloud: Cloud, group: NetworkSecurityGroup, rules: list[SecurityRule]) -> None:
    cloud.store.put(group.changed(security_rules=rules))


def _answer(rules: Iterable[SecurityRule]) -> object:
    return {"securityRules": [rule.wire() for rule in rules]}


def _list_rules(call: Call) -> Reply:
    group = call.cloud.store.get(NetworkSecurityGroup, call.path["networkSecurityGroupId"])
    direction = call.query.get("direction")
    return Reply(
        body=[rule.wire() for rule in group.security_rules if direction in {None, rule.direction}]
    )


RESOURCE_TYPE = ResourceType(
    resource=NetworkSecurityGroup,
    operations=(
        creates(
            "CreateNetworkSecurityGroup",
            "/networkSecurityGroups",
            NetworkSecurityGroup,
            CreateNetworkSecurityGroupDetails,
            create,
        ),
        lists(
            "ListNetworkSecurityGroups",
            "/networkSecurityGroups",
            NetworkSecurityGroup,
            IN_VCN,
        ),
        reads("GetNetworkSecurityGroup", _GROUP, NetworkSecurityGroup),
        updates(
            "UpdateNetworkSecurityGroup",
            _GROUP,
            NetworkSecurityGroup,
            UpdateNetworkSecurityGroupDetails,
            resources.update,
        ),
        moves("ChangeNetworkSecurityGroupCompartment", _GROUP, NetworkSecurityGroup),
        deletes("DeleteNetworkSecurityGroup", _GROUP, NetworkSecurityGroup, resources.delete),
        Operation(
            name="ListNetworkSecurityGroupSecurityRules",
            method="GET",
            path=f"{_GROUP}/securityRules",
            answer=_list_rules,
            queries=frozenset({"direction", "limit", "sortBy", "sortOrder"}),
        ),
        acts(
            "AddNetworkSecurityGroupSecurityRules",
            f"{_GROUP}/actions/addSecurityRules",
            NetworkSecurityGroup,
            AddSecurityRulesDetails,
            add_rules,
        ),
        acts(
            "UpdateNetworkSecurityGroupSecurityRules",
            f"{_GROUP}/actions/updateSecurityRules",
            NetworkSecurityGroup,
            UpdateSecurityRulesDetails,
            update_rules,
        ),
        acts(
            "RemoveNetworkSecurityGroupSecurityRules",
            f"{_GROUP}/actions/removeSecurityRules",
            NetworkSecurityGroup,
            RemoveSecurityRulesDetails,
            remove_rules,
        ),
    ),
    limits=f"""
        - Ingress rules of security lists and network security groups are enforced, by source
          and by port. Egress rules are kept and shown, but everything may leave. Stateless
          rules, source ports, groups or services as peers and ingress rules that open more than
          {firewall.MAX_PORTS} TCP ports are refused.
    """,
)
