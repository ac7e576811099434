"""Rules of every operation alike: pages, retries, etags, refusals."""

from typing import Any

import oci
import pytest
from oci.core import models

from tests.localcloud.caller import Caller, refused


def test_pages_hold_everything_once(caller: Caller, vcn: Any) -> None:
    made = {caller.subnet(vcn, f"10.0.{third}.0/24").id for third in range(5)}
    first = caller.network.list_subnets(caller.compartment, vcn_id=vcn.id, limit=2)
    assert len(first.data) == 2
    assert first.has_next_page
    every = oci.pagination.list_call_get_all_results(
        caller.network.list_subnets, caller.compartment, vcn_id=vcn.id, limit=2
    ).data
    assert [subnet.id for subnet in every].count(first.data[0].id) == 1
    assert {subnet.id for subnet in every} == made


def test_a_page_that_was_never_given_out_is_refused(caller: Caller) -> None:
    refused(400, "InvalidParameter", caller.network.list_vcns, caller.compartment, page="two")


def test_lists_are_sorted_as_asked(caller: Caller, vcn: Any) -> None:
    for third, name in enumerate(("b", "c", "a")):
        caller.subnet(vcn, f"10.0.{third}.0/24", display_name=name)
    subnets = caller.network.list_subnets(
        caller.compartment, vcn_id=vcn.id, sort_by="DISPLAYNAME", sort_order="DESC"
    ).data
    assert [subnet.display_name for subnet in subnets] == ["c", "b", "a"]


def test_a_list_needs_its_compartment(caller: Caller) -> None:
    text = refused(400, "MissingParameter", caller.network.list_public_ips, "REGION", None)
    assert "compartmentId" in text


def test_a_create_repeated_with_its_retry_token_creates_once(caller: Caller) -> None:
    details = models.CreateVcnDetails(compartment_id=caller.compartment, cidr_block="10.0.0.0/16")
    create = caller.network.create_vcn
    first = create(details, opc_retry_token="once").data
    assert create(details, opc_retry_token="once").data.id == first.id
    details.cidr_block = "10.1.0.0/16"
    refused(409, "InvalidatedRetryToken", create, details, opc_retry_token="once")
    caller.network.delete_vcn(first.id)
    details.cidr_block = "10.0.0.0/16"
    refused(409, "InvalidatedRetryToken", create, details, opc_retry_token="once")


def test_a_change_of_what_has_changed_since_is_refused(caller: Caller, vcn: Any) -> None:
    etag = caller.network.get_vcn(vcn.id).headers["etag"]
    rename = models.UpdateVcnDetails(display_name="renamed")
    caller.network.update_vcn(vcn.id, rename, if_match=etag)
    refused(412, "NoEtagMatch", caller.network.update_vcn, vcn.id, rename, if_match=etag)
    refused(412, "NoEtagMatch", caller.network.delete_vcn, vcn.id, if_match=etag)


def test_a_refusal_carries_a_request_id_of_its_own(caller: Caller) -> None:
    ids = set()
    for _ in range(2):
        with pytest.raises(oci.exceptions.ServiceError) as caught:
            caller.network.get_vcn("ocid1.vcn.oc1.eu-madrid-1.none")
        ids.add(caught.value.request_id)
    assert len(ids - {None}) == 2


def test_an_operation_that_is_not_modelled_says_so(caller: Caller, vcn: Any) -> None:
    text = refused(400, "NotImplemented", caller.network.list_nat_gateways, caller.compartment)
    assert "GET /20160918/natGateways" in text
    details = models.CreateNatGatewayDetails(compartment_id=caller.compartment, vcn_id=vcn.id)
    refused(400, "NotImplemented", caller.network.create_nat_gateway, details)


def test_a_field_that_is_not_modelled_is_refused(caller: Caller) -> None:
    assert "isZprOnly" in refused(400, "InvalidParameter", caller.vcn, is_zpr_only=True)


def test_a_parameter_that_is_not_modelled_is_refused(caller: Caller) -> None:
    text = refused(
        400,
        "InvalidParameter",
        caller.compute.list_instances,
        caller.compartment,
        capacity_reservation_id="x",
    )
    assert "capacityReservationId" in text


def test_missing_fields_are_named(caller: Caller) -> None:
    details = models.CreateInternetGatewayDetails(compartment_id=caller.compartment)
    text = refused(400, "MissingParameter", caller.network.create_internet_gateway, details)
    assert "vcnId, isEnabled" in text
