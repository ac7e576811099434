"""The client's address of a request."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from auth.protection.addresses import LOOPBACK, client, networks, parse, within
from auth.protection.counted import counted_as
from hypothesis import given
from hypothesis import strategies as st

PROXY = networks("loopback, 172.17.0.1")
ADDRESS = st.ip_addresses().map(str)
ANYTHING = st.lists(st.text(max_size=60) | ADDRESS | st.sampled_from([",", "[", "]:", "::"]))


def test_without_a_proxy_the_peer_is_the_client_despite_its_header() -> None:
    assert client("203.0.113.7", ["198.51.100.1"], PROXY) == "203.0.113.7"


def test_a_trusted_proxy_names_the_client() -> None:
    assert client("172.17.0.1", ["203.0.113.7"], PROXY) == "203.0.113.7"


def test_the_clients_own_part_of_the_header_is_not_believed() -> None:
    assert client("127.0.0.1", ["127.0.0.1, 8.8.8.8", "203.0.113.7"], PROXY) == "203.0.113.7"


def test_proxies_behind_each_other_are_passed_while_they_are_trusted() -> None:
    assert client("127.0.0.1", ["203.0.113.7, 172.17.0.1"], PROXY) == "203.0.113.7"


def test_a_hop_that_is_no_address_ends_at_the_proxy_that_wrote_it() -> None:
    assert client("127.0.0.1", ["203.0.113.7, nonsense"], PROXY) == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_addresses_are_read_in_each_form_that_proxies_write(text: str, address: str) -> None:
    assert str(parse(text)) == address


def test_a_customer_with_a_whole_ipv6_network_is_counted_as_one() -> None:
    assert counted_as("2001:db8:0:1::1") == counted_as("2001:db8:0:1:ffff::2")
    assert counted_as("2001:db8:0:1::1") != counted_as("2001:db8:0:2::1")
    assert counted_as("203.0.113.7") != counted_as("203.0.113.8")


def test_the_gateway_is_read_from_the_routes_of_the_kernel(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\n"
        "eth0\t00000000\t010011AC\t0003\n"
        "eth0\t000011AC\t00000000\t0001\n"
    )

    assert [str(network) for network in networks("gateway", routes=table)] == ["172.17.0.1/32"]


def test_a_machine_without_routes_has_no_gateway(tmp_path: Path) -> None:
    assert networks("gateway", routes=tmp_path / "none") == ()


def test_a_word_that_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        networks("loopback,10.0.0.1/8")


@given(peer=st.text(max_size=40) | ADDRESS, forwarded=ANYTHING)
def test_any_header_gives_an_address_or_unknown(peer: str, forwarded: list[str]) -> None:
    address = client(peer, forwarded, PROXY)

    assert address == "unknown" or ip_address(address)


@given(peer=ADDRESS, honest=ADDRESS, forged=ANYTHING)
def test_no_header_of_a_client_changes_the_proxys_entry(
    peer: str, honest: str, forged: list[str]
) -> None:
    direct = client(peer, forged, LOOPBACK)
    through = client("127.0.0.1", [*forged, honest], LOOPBACK)

    if not within(parse(peer), LOOPBACK):
        assert direct == str(parse(peer))
    if not within(parse(honest), LOOPBACK):
        assert through == str(parse(honest))
