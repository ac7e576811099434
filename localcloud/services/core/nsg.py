"""Network security groups: rules that hold for the VNICs that join them."""

import secrets
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from localcloud import ocids
from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core import traffic
from localcloud.services.core.traffic import PeerType, TrafficRule
from localcloud.services.core.vcn import Vcn
from localcloud.services.resources import CreateDetails, NameAndTags, Tagged

_MOST_RULES = 120
_MOST_RULES_A_CALL = 25


class AddSecurityRuleDetails(TrafficRule):
    direction: Literal["INGRESS", "EGRESS"]
    source: str | None = None
    source_type: PeerType = "CIDR_BLOCK"
    destination: str | None = None
    destination_type: PeerType = "CIDR_BLOCK"

    def check(self) -> None:
        self.check_traffic()
        if self.direction == "INGRESS":
            self.check_ingress(traffic.check_peer("source", self.source, self.source_type))
        else:
            traffic.check_peer("destination", self.destination, self.destination_type)


class UpdateSecurityRuleDetails(AddSecurityRuleDetails):
    id: str


class SecurityRule(UpdateSecurityRuleDetails):
    is_valid: bool = True
    time_created: AwareDatetime


class NetworkSecurityGroup(Tagged):
    kind: ClassVar[str] = "networksecuritygroup"
    hidden: ClassVar[frozenset[str]] = frozenset({"security_rules"})
    vcn_id: str
    security_rules: list[SecurityRule] = Field(default_factory=list)


class CreateNetworkSecurityGroupDetails(CreateDetails):
    vcn_id: str


class UpdateNetworkSecurityGroupDetails(NameAndTags):
    pass


class AddSecurityRulesDetails(Details):
    security_rules: list[AddSecurityRuleDetails] = Field(max_length=_MOST_RULES_A_CALL)


class UpdateSecurityRulesDetails(Details):
    security_rules: list[UpdateSecurityRuleDetails] = Field(max_length=_MOST_RULES_A_CALL)


class RemoveSecurityRulesDetails(Details):
    security_rule_ids: list[str] = Field(max_length=_MOST_RULES_A_CALL)


def create(cloud: Cloud, wish: CreateNetworkSecurityGroupDetails) -> NetworkSecurityGroup:
    vcn = cloud.store.related(Vcn, "vcnId", wish.vcn_id)
    group = NetworkSecurityGroup(
        **wish.common(cloud, "networksecuritygroup"),
        id=ocids.mint("networksecuritygroup"),
        lifecycle_state="PROVISIONING",
        vcn_id=vcn.id,
    )
    return resource.settle(cloud, group, "AVAILABLE")


def delete(cloud: Cloud, group: NetworkSecurityGroup) -> None:
    resource.delete(cloud, group)


def add_rules(
    cloud: Cloud, group: NetworkSecurityGroup, wish: AddSecurityRulesDetails
) -> list[SecurityRule]:
    if len(group.security_rules) + len(wish.security_rules) > _MOST_RULES:
        raise errors.limit_exceeded("security-rules-per-network-security-group-count")
    added = []
    for rule in wish.security_rules:
        rule.check()
        added.append(_rule(rule, secrets.token_hex(3).upper(), cloud.now()))
    _keep(cloud, group, [*group.security_rules, *added])
    return added


def update_rules(
    cloud: Cloud, group: NetworkSecurityGroup, wish: UpdateSecurityRulesDetails
) -> list[SecurityRule]:
    rules = {rule.id: rule for rule in group.security_rules}
    for change in wish.security_rules:
        change.check()
        rules[change.id] = _rule(change, change.id, _existing(rules, change.id).time_created)
    _keep(cloud, group, list(rules.values()))
    return [rules[change.id] for change in wish.security_rules]


def remove_rules(
    cloud: Cloud, group: NetworkSecurityGroup, wish: RemoveSecurityRulesDetails
) -> None:
    rules = {rule.id: rule for rule in group.security_rules}
    for rule_id in wish.security_rule_ids:
        del rules[_existing(rules, rule_id).id]
    _keep(cloud, group, list(rules.values()))


def _rule(wish: AddSecurityRuleDetails, rule_id: str, created: AwareDatetime) -> SecurityRule:
    fields = {name: getattr(wish, name) for name in AddSecurityRuleDetails.model_fields}
    unused = ("destination", "destination_type") if wish.direction == "INGRESS" else ("source",)
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
