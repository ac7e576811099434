from typing import Any

import pytest
from oci.core import models

from tests.localcloud.caller import Caller, refused


def ports(low: int, high: int) -> Any:
    return models.TcpOptions(destination_port_range=models.PortRange(min=low, max=high))


def rule(**fields: Any) -> Any:
    return models.AddSecurityRuleDetails(
        **{
            "direction": "INGRESS",
            "protocol": "6",
            "source": "192.0.2.0/24",
            "tcp_options": ports(22, 22),
            **fields,
        }
    )


@pytest.fixture
def group(caller: Caller, vcn: Any) -> Any:
    return caller.group(vcn)


def add(caller: Caller, group: Any, *rules: Any) -> Any:
    details = models.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=list(rules))
    return caller.network.add_network_security_group_security_rules(group.id, details).data


def listed(caller: Caller, group: Any, **query: str) -> list[Any]:
    rules = caller.network.list_network_security_group_security_rules(group.id, **query).data
    return list(rules)


def test_a_rule_is_listed_under_the_short_id_it_was_answered_with(
    caller: Caller, group: Any
) -> None:
    added = add(caller, group, rule()).security_rules
    assert [rule.id for rule in listed(caller, group)] == [added[0].id]
    assert len(added[0].id) == 6


def test_rules_are_listed_by_direction(caller: Caller, group: Any) -> None:
    way_out = rule(
        direction="EGRESS", protocol="all", source=None, destination="0.0.0.0/0", tcp_options=None
    )
    add(caller, group, rule(), way_out)
    assert [rule.direction for rule in listed(caller, group, direction="EGRESS")] == ["EGRESS"]


def test_a_rule_is_changed_in_place(caller: Caller, group: Any) -> None:
    (before,) = add(caller, group, rule()).security_rules
    change = models.UpdateSecurityRuleDetails(
        id=before.id,
        direction="INGRESS",
        protocol="6",
        source="198.51.100.7/32",
        tcp_options=ports(22, 22),
    )
    caller.network.update_network_security_group_security_rules(
        group.id, models.UpdateNetworkSecurityGroupSecurityRulesDetails(security_rules=[change])
    )
    (after,) = listed(caller, group)
    assert (after.id, after.source) == (before.id, "198.51.100.7/32")


def test_removing_a_rule_twice_is_refused(caller: Caller, group: Any) -> None:
    (added,) = add(caller, group, rule()).security_rules
    details = models.RemoveNetworkSecurityGroupSecurityRulesDetails(security_rule_ids=[added.id])
    remove = caller.network.remove_network_security_group_security_rules
    remove(group.id, details)
    assert listed(caller, group) == []
    assert added.id in refused(400, "InvalidParameter", remove, group.id, details)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"source": "192.0.2.1/24"}, "does not match network IP"),
        ({"protocol": "tcp"}, "IP protocol number"),
        ({"protocol": "17", "tcp_options": ports(1, 2)}, "tcpOptions needs protocol '6'"),
        ({"tcp_options": ports(80, 22)}, "min above max"),
        ({"tcp_options": ports(0, 22)}, "greater than or equal to 1"),
    ],
)
def test_a_bad_rule_is_refused(
    caller: Caller, group: Any, fields: dict[str, Any], why: str
) -> None:
    assert why in refused(400, "InvalidParameter", add, caller, group, rule(**fields))
    assert listed(caller, group) == []


def test_a_rule_is_not_changed_into_a_bad_one(caller: Caller, group: Any) -> None:
    (added,) = add(caller, group, rule()).security_rules
    change = models.UpdateSecurityRuleDetails(
        id=added.id, direction="INGRESS", protocol="6", source="192.0.2.1/24"
    )
    text = refused(
        400,
        "InvalidParameter",
        caller.network.update_network_security_group_security_rules,
        group.id,
        models.UpdateNetworkSecurityGroupSecurityRulesDetails(security_rules=[change]),
    )
    assert "does not match network IP" in text
    assert [rule.source for rule in listed(caller, group)] == ["192.0.2.0/24"]


def test_a_bad_rule_in_a_security_list_is_refused(caller: Caller, vcn: Any) -> None:
    bad = models.IngressSecurityRule(protocol="17", source="0.0.0.0/0", tcp_options=ports(1, 2))
    text = refused(
        400,
        "InvalidParameter",
        caller.network.update_security_list,
        vcn.default_security_list_id,
        models.UpdateSecurityListDetails(ingress_security_rules=[bad]),
    )
    assert "tcpOptions needs protocol '6'" in text


def test_an_ingress_rule_needs_a_source(caller: Caller, group: Any) -> None:
    assert "source" in refused(400, "MissingParameter", add, caller, group, rule(source=None))


@pytest.mark.parametrize(
    "fields",
    [
        {"is_stateless": True},
        {"protocol": "50", "tcp_options": None},
        {"protocol": "all", "tcp_options": None},
        {"tcp_options": ports(1, 65535)},
        {"source_type": "NETWORK_SECURITY_GROUP"},
        {"tcp_options": models.TcpOptions(source_port_range=models.PortRange(min=1, max=2))},
    ],
)
def test_a_rule_that_would_not_be_enforced_is_refused(
    caller: Caller, group: Any, fields: dict[str, Any]
) -> None:
    refused(400, "NotImplemented", add, caller, group, rule(**fields))


def test_more_than_25_rules_in_a_call_are_refused(caller: Caller, group: Any) -> None:
    refused(400, "InvalidParameter", add, caller, group, *[rule()] * 26)
