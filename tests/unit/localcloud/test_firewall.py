from ipaddress import IPv4Address

import pytest

from localcloud.machines import firewall, gateway
from localcloud.machines.firewall import IngressRule
from localcloud.machines.gateway import Route

HOST = IPv4Address("172.20.0.1")
SSH = IngressRule(protocol="tcp", source="198.51.100.0/24", ports=(22, 22))
WEB = IngressRule(protocol="tcp", source="0.0.0.0/0", ports=(80, 81))
PING = IngressRule(protocol="icmp", source="0.0.0.0/0", ports=None)
ALL = IngressRule(protocol="all", source="10.0.0.0/16", ports=None)


def chain(*rules: IngressRule) -> list[str]:
    return firewall.packet_filter(rules, host=HOST).splitlines()


def test_without_rules_only_answers_come_in() -> None:
    assert chain() == [
        "*mangle",
        ":LOCALCLOUD - [0:0]",
        "-A LOCALCLOUD -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
        "-A LOCALCLOUD -j DROP",
        "COMMIT",
    ]


def test_a_tcp_rule_lets_in_its_source_and_what_the_gateway_has_checked() -> None:
    assert "-A LOCALCLOUD -s 198.51.100.0/24 -p tcp --dport 22:22 -j RETURN" in chain(SSH)
    assert "-A LOCALCLOUD -s 172.20.0.1/32 -p tcp --dport 22:22 -j RETURN" in chain(SSH)


def test_a_ping_rule_opens_no_port() -> None:
    assert "-A LOCALCLOUD -s 0.0.0.0/0 -p icmp -j RETURN" in chain(PING)
    assert firewall.tcp_ports([PING]) == {}


def test_a_rule_for_all_protocols_names_none() -> None:
    assert "-A LOCALCLOUD -s 10.0.0.0/16 -j RETURN" in chain(ALL)


def test_the_drop_comes_last() -> None:
    assert chain(SSH, WEB, PING)[-2] == "-A LOCALCLOUD -j DROP"


def test_ports_that_two_rules_open_have_both_sources() -> None:
    other = IngressRule(protocol="tcp", source="192.0.2.0/24", ports=(80, 80))

    assert firewall.tcp_ports([WEB, other]) == {
        80: ["0.0.0.0/0", "192.0.2.0/24"],
        81: ["0.0.0.0/0"],
    }


def test_more_ports_than_the_gateway_can_serve_are_refused_by_name() -> None:
    wide = IngressRule(protocol="tcp", source="0.0.0.0/0", ports=(1000, 2000))

    with pytest.raises(firewall.FirewallError, match=r"TCP ports 1000 to 2000 to 0\.0\.0\.0/0"):
        firewall.tcp_ports([wide])


def test_the_gateway_listens_on_public_addresses_only() -> None:
    routes = {
        "hidden": Route(target="172.20.0.10", rules=(SSH,)),
        "seen": Route(target="172.20.0.11", rules=(SSH,), public_ip="127.70.1.10"),
    }

    assert gateway.listeners(routes) == [
        {
            "address": "127.70.1.10",
            "port": 22,
            "target": "172.20.0.11",
            "sources": ["198.51.100.0/24"],
        }
    ]


def test_a_rule_between_machines_may_open_every_port() -> None:
    nodes = IngressRule(protocol="all", source="10.0.0.0/16", ports=None)
    assert firewall.tcp_ports([WEB, nodes]) == firewall.tcp_ports([WEB])
    assert "-A LOCALCLOUD -s 10.0.0.0/16 -j RETURN" in firewall.packet_filter([nodes], host=HOST)
