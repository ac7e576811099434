"""Launches that are refused."""

from typing import Any

import pytest
from oci.core import models

from localcloud import host
from localcloud.services.core import catalogue
from tests.localcloud.caller import Caller, refused
from tests.localcloud.launches import encoded, launch_details, source, vnic


@pytest.fixture
def subnet(caller: Caller, vcn: Any) -> Any:
    return caller.subnet(vcn, dns_label="web")


def launch(caller: Caller, subnet: Any, **fields: Any) -> Any:
    return caller.compute.launch_instance(launch_details(caller, subnet, **fields))


def test_a_flexible_shape_needs_a_size(caller: Caller, subnet: Any) -> None:
    text = refused(400, "InvalidParameter", launch, caller, subnet, shape_config=None)
    assert text == (
        "Invalid ShapeConfig: null (Cannot launch flexible instance without ShapeConfig)"
    )


@pytest.mark.parametrize(("ocpus", "memory"), [(0, 6), (1, 0.5), (1, 65), (1000, 6000), (1, 6.5)])
def test_a_size_that_the_shape_does_not_have_is_refused(
    caller: Caller, subnet: Any, ocpus: float, memory: float
) -> None:
    size = models.LaunchInstanceShapeConfigDetails(ocpus=ocpus, memory_in_gbs=memory)
    text = refused(400, "InvalidParameter", launch, caller, subnet, shape_config=size)
    assert text.startswith("Invalid ShapeConfig")


def test_an_unknown_shape_is_refused(caller: Caller, subnet: Any) -> None:
    text = refused(404, "NotAuthorizedOrNotFound", launch, caller, subnet, shape="VM.Large")
    assert text == "shape VM.Large not found"


def test_there_is_no_room_for_another_processors_shape(caller: Caller, subnet: Any) -> None:
    foreign = next(
        shape.shape
        for shape in catalogue.SHAPES
        if shape.is_flexible and shape.architecture != host.architecture()
    )
    text = refused(500, "InternalError", launch, caller, subnet, shape=foreign)
    assert text == "Out of host capacity."
    assert caller.compute.list_images(caller.compartment, shape=foreign).data == []


def test_an_unknown_image_is_refused(caller: Caller, subnet: Any) -> None:
    refused(
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
        launch,
        caller,
        subnet,
        source_details=source("ocid1.image.oc1.eu-madrid-1.none"),
    )


def test_a_boot_volume_below_50_gb_is_refused(caller: Caller, subnet: Any) -> None:
    small = source("ocid1.image.oc1.eu-madrid-1.none", size_in_gbs=49)
    text = refused(400, "InvalidParameter", launch, caller, subnet, source_details=small)
    assert "bootVolumeSizeInGBs" in text


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"user_data": "#cloud-config"}, "not Base64"),
        ({"ssh_authorized_keys": "ssh-ed25521 AAAA"}, 'Invalid ssh public key type "ssh-ed25521"'),
        ({"user_data": encoded("x" * 32_000)}, "limit is 32000 bytes"),
    ],
)
def test_bad_metadata_is_refused(
    caller: Caller, subnet: Any, metadata: dict[str, str], why: str
) -> None:
    assert why in refused(400, "InvalidParameter", launch, caller, subnet, metadata=metadata)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"private_ip": "10.0.2.5"}, "not a usable address"),
        ({"private_ip": "10.0.1.1"}, "not a usable address"),
        ({"private_ip": "10.0.1.255"}, "not a usable address"),
        ({"private_ip": "web"}, "no IPv4 address"),
        ({"hostname_label": "-web"}, "must start with a letter"),
    ],
)
def test_bad_vnic_details_are_refused(
    caller: Caller, subnet: Any, fields: dict[str, Any], why: str
) -> None:
    bad = vnic(subnet, **fields)
    text = refused(400, "InvalidParameter", launch, caller, subnet, create_vnic_details=bad)
    assert text.startswith("Invalid VNIC creation parameters")
    assert why in text


def test_a_private_subnet_gives_no_public_address(caller: Caller, vcn: Any) -> None:
    private = caller.subnet(vcn, "10.0.2.0/24", prohibit_public_ip_on_vnic=True)
    details = vnic(private, assign_public_ip=True)
    text = refused(400, "InvalidParameter", launch, caller, private, create_vnic_details=details)
    assert "prohibits public IPs" in text


def test_a_hostname_needs_a_subnet_with_a_dns_label(caller: Caller, vcn: Any) -> None:
    nameless = caller.subnet(vcn, "10.0.3.0/24")
    details = vnic(nameless, hostname_label="web")
    text = refused(400, "InvalidParameter", launch, caller, nameless, create_vnic_details=details)
    assert "DNS label" in text


def test_a_security_group_of_another_vcn_is_refused(caller: Caller, subnet: Any) -> None:
    stranger = caller.group(caller.vcn("10.9.0.0/16"))
    details = vnic(subnet, nsg_ids=[stranger.id])
    text = refused(400, "InvalidParameter", launch, caller, subnet, create_vnic_details=details)
    assert "another VCN" in text


def test_a_launch_without_a_subnet_is_refused(caller: Caller, subnet: Any) -> None:
    details = models.CreateVnicDetails(assign_public_ip=False)
    text = refused(400, "MissingParameter", launch, caller, subnet, create_vnic_details=details)
    assert "subnetId, vnicId, vlanId" in text


def test_a_refused_launch_leaves_nothing(caller: Caller, subnet: Any) -> None:
    before = caller.compute.list_instances(caller.compartment).data
    refused(400, "InvalidParameter", launch, caller, subnet, metadata={"user_data": "!"})
    assert caller.network.list_private_ips(subnet_id=subnet.id).data == []
    assert caller.compute.list_instances(caller.compartment).data == before
