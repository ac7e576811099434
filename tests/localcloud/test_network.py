from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oci
import pytest
from oci.core import models

from tests.localcloud.caller import Caller, refused
from tests.localcloud.launches import launch_details, vnic

NOBODY = "ocid1.vcn.oc1.eu-madrid-1." + "a" * 60


def test_a_vcn_is_provisioning_when_answered_and_available_when_read(caller: Caller) -> None:
    created = caller.vcn(dns_label="auth")
    assert created.lifecycle_state == "PROVISIONING"
    read = caller.network.get_vcn(created.id).data
    assert read.lifecycle_state == "AVAILABLE"
    assert read.vcn_domain_name == "auth.oraclevcn.com"


def test_a_new_vcn_lets_ssh_in_from_anywhere(caller: Caller, vcn: Any) -> None:
    rules = caller.network.get_security_list(vcn.default_security_list_id).data
    ssh = [rule for rule in rules.ingress_security_rules if rule.protocol == "6"]
    assert [rule.source for rule in ssh] == ["0.0.0.0/0"]
    assert ssh[0].tcp_options.destination_port_range.min == 22


@pytest.mark.parametrize(
    ("cidr", "why"),
    [
        ("10.0.0.0/15", "between /16 and /30"),
        ("10.0.0.0/31", "between /16 and /30"),
        ("10.0.1.0/16", "CIDR IP 10.0.1.0 does not match network IP 10.0.0.0"),
        ("10.0.0.0", "no prefix length"),
        ("10.0.0.256/24", "is invalid"),
        ("fd00::/56", "is invalid"),
    ],
)
def test_a_vcn_with_a_bad_cidr_is_refused(caller: Caller, cidr: str, why: str) -> None:
    assert why in refused(400, "InvalidParameter", caller.vcn, cidr)


@pytest.mark.parametrize("label", ["1auth", "auth-dev", "auth_dev", "abcdefghijklmnop"])
def test_a_bad_dns_label_is_refused(caller: Caller, label: str) -> None:
    assert label in refused(400, "InvalidParameter", caller.vcn, dns_label=label)


def test_the_blocks_of_a_vcn_may_not_overlap(caller: Caller) -> None:
    details = models.CreateVcnDetails(
        compartment_id=caller.compartment, cidr_blocks=["10.0.0.0/16", "10.0.128.0/17"]
    )
    assert "overlaps" in refused(400, "InvalidParameter", caller.network.create_vcn, details)


def test_a_vcn_in_a_foreign_compartment_is_refused(caller: Caller) -> None:
    details = models.CreateVcnDetails(
        compartment_id="ocid1.compartment.oc1.." + "a" * 60, cidr_blocks=["10.0.0.0/16"]
    )
    refused(404, "NotAuthorizedOrNotFound", caller.network.create_vcn, details)


def test_a_subnet_outside_its_vcn_is_refused(caller: Caller, vcn: Any) -> None:
    text = refused(400, "InvalidParameter", caller.subnet, vcn, "10.1.0.0/24")
    assert "not within the VCN's CIDR 10.0.0.0/16" in text


def test_overlapping_subnets_are_refused(caller: Caller, vcn: Any) -> None:
    caller.subnet(vcn, "10.0.1.0/24")
    assert "overlaps" in refused(400, "InvalidParameter", caller.subnet, vcn, "10.0.1.128/25")


def test_another_block_of_a_subnet_keeps_its_network_address(caller: Caller, vcn: Any) -> None:
    subnet = caller.subnet(vcn, "10.0.2.0/24")

    def resize(cidr: str) -> Any:
        details = models.UpdateSubnetDetails(cidr_block=cidr)
        return caller.network.update_subnet(subnet.id, details).data

    assert resize("10.0.2.0/23").cidr_block == "10.0.2.0/23"
    text = refused(400, "InvalidParameter", resize, "10.0.4.0/24")
    assert "the same network address as the CIDR 10.0.2.0/23" in text


def test_another_block_of_a_subnet_holds_all_addresses_in_use(caller: Caller, vcn: Any) -> None:
    """Oracle refuses it by a 400: after a 409 the official provider repeats it for minutes."""
    subnet = caller.subnet(vcn, "10.0.3.0/24")
    with caller.control() as http:
        # the address is in use as long as the launch goes on
        slow = {"kind": "slowBoot", "seconds": 5, "times": 1}
        http.post("/faults", json=slow).raise_for_status()
    details = launch_details(
        caller, subnet, create_vnic_details=vnic(subnet, private_ip="10.0.3.127")
    )
    caller.compute.launch_instance(details)

    for block in ("10.0.3.0/26", "10.0.3.0/25"):
        details = models.UpdateSubnetDetails(cidr_block=block)
        text = refused(400, "InvalidParameter", caller.network.update_subnet, subnet.id, details)
        assert "no place for the Private IP 10.0.3.127" in text


def test_of_overlapping_subnets_asked_for_at_once_one_is_made(caller: Caller, vcn: Any) -> None:
    def ask(_: int) -> bool:
        try:
            caller.subnet(vcn, "10.0.1.0/24")
        except oci.exceptions.ServiceError:
            return False
        return True

    with ThreadPoolExecutor(8) as callers:
        assert sum(callers.map(ask, range(8))) == 1


def test_a_duplicate_subnet_label_is_refused(caller: Caller, vcn: Any) -> None:
    caller.subnet(vcn, "10.0.1.0/24", dns_label="web")
    text = refused(400, "InvalidParameter", caller.subnet, vcn, "10.0.2.0/24", dns_label="web")
    assert text == "DNS Label web is a duplicate of one that already exists in the VCN"


def test_a_subnet_of_an_unknown_vcn_is_refused(caller: Caller, vcn: Any) -> None:
    vcn.id = NOBODY
    refused(400, "RelatedResourceNotAuthorizedOrNotFound", caller.subnet, vcn)


def test_a_subnet_takes_no_security_list_of_another_vcn(caller: Caller, vcn: Any) -> None:
    other = caller.vcn("10.9.0.0/16")
    text = refused(
        400,
        "InvalidParameter",
        caller.subnet,
        vcn,
        security_list_ids=[other.default_security_list_id],
    )
    assert "another VCN" in text


def test_a_vcn_has_one_internet_gateway(caller: Caller, vcn: Any) -> None:
    details = models.CreateInternetGatewayDetails(
        compartment_id=caller.compartment, vcn_id=vcn.id, is_enabled=True
    )
    caller.network.create_internet_gateway(details)
    refused(400, "LimitExceeded", caller.network.create_internet_gateway, details)


def test_a_route_needs_a_gateway_of_the_same_vcn(caller: Caller, vcn: Any) -> None:
    other = caller.vcn("10.9.0.0/16")
    gateway = caller.network.create_internet_gateway(
        models.CreateInternetGatewayDetails(
            compartment_id=caller.compartment, vcn_id=other.id, is_enabled=True
        )
    ).data
    refused(
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
        caller.network.update_route_table,
        vcn.default_route_table_id,
        routes_through(gateway.id),
    )


def routes_through(gateway_id: str) -> Any:
    return models.UpdateRouteTableDetails(
        route_rules=[
            models.RouteRule(
                network_entity_id=gateway_id,
                destination="0.0.0.0/0",
                destination_type="CIDR_BLOCK",
            )
        ]
    )


def test_a_network_is_taken_down_from_its_leaves(caller: Caller, vcn: Any) -> None:
    network = caller.network
    gateway = network.create_internet_gateway(
        models.CreateInternetGatewayDetails(
            compartment_id=caller.compartment, vcn_id=vcn.id, is_enabled=True
        )
    ).data
    network.update_route_table(vcn.default_route_table_id, routes_through(gateway.id))
    subnet = caller.subnet(vcn)

    assert gateway.id in refused(409, "Conflict", network.delete_vcn, vcn.id)
    text = refused(409, "Conflict", network.delete_internet_gateway, gateway.id)
    assert vcn.default_route_table_id in text

    network.update_route_table(
        vcn.default_route_table_id, models.UpdateRouteTableDetails(route_rules=[])
    )
    network.delete_internet_gateway(gateway.id)
    assert subnet.id in refused(409, "Conflict", network.delete_vcn, vcn.id)
    network.delete_subnet(subnet.id)
    network.delete_vcn(vcn.id)
    for gone in (vcn.default_route_table_id, vcn.default_security_list_id):
        read = network.get_route_table if "routetable" in gone else network.get_security_list
        refused(404, "NotAuthorizedOrNotFound", read, gone)


def test_a_subnet_has_a_route_table_and_a_security_list_of_its_own(
    caller: Caller, vcn: Any
) -> None:
    network, place = caller.network, {"compartment_id": caller.compartment, "vcn_id": vcn.id}
    table = network.create_route_table(models.CreateRouteTableDetails(**place, route_rules=[])).data
    rule = models.IngressSecurityRule(protocol="17", source="192.0.2.0/24")
    opened = network.create_security_list(
        models.CreateSecurityListDetails(
            **place, ingress_security_rules=[rule], egress_security_rules=[]
        )
    ).data
    subnet = caller.subnet(vcn, route_table_id=table.id, security_list_ids=[opened.id])
    security_list = network.get_security_list(opened.id).data
    assert [rule.source for rule in security_list.ingress_security_rules] == ["192.0.2.0/24"]
    assert security_list.lifecycle_state == "AVAILABLE"
    refused(409, "Conflict", network.delete_route_table, table.id)
    refused(409, "Conflict", network.delete_security_list, opened.id)
    refused(409, "Conflict", network.delete_route_table, vcn.default_route_table_id)
    network.delete_subnet(subnet.id)
    network.delete_route_table(table.id)
    network.delete_security_list(opened.id)
    network.delete_vcn(vcn.id)


def test_an_update_keeps_what_it_does_not_name(caller: Caller, vcn: Any) -> None:
    subnet = caller.subnet(vcn, display_name="web", freeform_tags={"team": "auth"})
    details = models.UpdateSubnetDetails(display_name="front")
    updated = caller.network.update_subnet(subnet.id, details).data
    assert (updated.display_name, updated.freeform_tags) == ("front", {"team": "auth"})


def test_a_defined_tag_without_its_namespace_is_refused(caller: Caller) -> None:
    text = refused(400, "InvalidParameter", caller.vcn, defined_tags={"Finance": {"cost": "1"}})
    assert "Finance" in text


def test_the_sdk_waits_for_states_as_it_does_on_the_real_cloud(caller: Caller) -> None:
    composite = oci.core.VirtualNetworkClientCompositeOperations(caller.network)
    made = composite.create_vcn_and_wait_for_state(
        models.CreateVcnDetails(compartment_id=caller.compartment, cidr_block="10.5.0.0/16"),
        ["AVAILABLE"],
    ).data
    composite.delete_vcn_and_wait_for_state(made.id, ["TERMINATED"])
    refused(404, "NotAuthorizedOrNotFound", caller.network.get_vcn, made.id)
