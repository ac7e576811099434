from typing import Any

import pytest
from oci.core import models

from tests.localcloud.caller import Caller, refused


def reserve(caller: Caller, **fields: Any) -> Any:
    details = models.CreatePublicIpDetails(
        **{"compartment_id": caller.compartment, "lifetime": "RESERVED", **fields}
    )
    return caller.network.create_public_ip(details).data


def test_a_reserved_address_is_the_homes_own_until_it_is_released(caller: Caller) -> None:
    first, second = reserve(caller), reserve(caller)
    try:
        assert first.ip_address != second.ip_address
        assert {first.scope, first.lifetime} == {"REGION", "RESERVED"}
        assert caller.network.get_public_ip(first.id).data.lifecycle_state == "AVAILABLE"
    finally:
        caller.network.delete_public_ip(second.id)
        caller.network.delete_public_ip(first.id)
    refused(404, "NotAuthorizedOrNotFound", caller.network.get_public_ip, first.id)
    again = reserve(caller)
    caller.network.delete_public_ip(again.id)
    assert again.ip_address == first.ip_address


def test_an_address_is_not_assigned_to_what_does_not_exist(caller: Caller) -> None:
    nobody = "ocid1.privateip.oc1.eu-madrid-1.none"
    before = caller.network.list_public_ips("REGION", caller.compartment).data
    refused(
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
        reserve,
        caller,
        private_ip_id=nobody,
    )
    after = caller.network.list_public_ips("REGION", caller.compartment).data
    assert after == before, "the refused request left an address behind"


def test_no_address_is_found_that_is_not_reserved(caller: Caller) -> None:
    details = models.GetPublicIpByIpAddressDetails(ip_address="192.0.2.1")
    refused(404, "NotAuthorizedOrNotFound", caller.network.get_public_ip_by_ip_address, details)


def test_an_ephemeral_address_needs_something_to_live_with(caller: Caller) -> None:
    refused(400, "MissingParameter", reserve, caller, lifetime="EPHEMERAL")


@pytest.mark.parametrize("count", [245])
def test_the_pool_of_addresses_has_an_end(caller: Caller, count: int) -> None:
    made = []
    try:
        made = [reserve(caller) for _ in range(count)]
        refused(400, "LimitExceeded", reserve, caller)
    finally:
        for address in made:
            caller.network.delete_public_ip(address.id)
