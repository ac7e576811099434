"""The records against the SDK's own models: no name here that Oracle does not have."""

import pytest
from oci.core import models as core
from oci.identity import models as identity

from localcloud.api import wire
from localcloud.services.core import (
    boot_volume,
    catalogue,
    instance,
    internet_gateway,
    nsg,
    private_ip,
    public_ip,
    route_table,
    security_list,
    subnet,
    vcn,
    vnic,
    volume,
    volume_attachment,
)

OURS = [
    boot_volume.BootVolume,
    boot_volume.BootVolumeAttachment,
    catalogue.AvailabilityDomain,
    catalogue.Image,
    catalogue.LaunchOptions,
    catalogue.Shape,
    instance.Instance,
    instance.InstanceOptions,
    instance.LaunchInstanceDetails,
    instance.UpdateInstanceDetails,
    internet_gateway.CreateInternetGatewayDetails,
    internet_gateway.InternetGateway,
    internet_gateway.UpdateInternetGatewayDetails,
    nsg.AddSecurityRuleDetails,
    nsg.CreateNetworkSecurityGroupDetails,
    nsg.NetworkSecurityGroup,
    nsg.SecurityRule,
    nsg.UpdateSecurityRuleDetails,
    private_ip.PrivateIp,
    public_ip.CreatePublicIpDetails,
    public_ip.PublicIp,
    public_ip.UpdatePublicIpDetails,
    route_table.RouteRule,
    route_table.RouteTable,
    route_table.UpdateRouteTableDetails,
    security_list.EgressSecurityRule,
    security_list.IngressSecurityRule,
    security_list.SecurityList,
    security_list.UpdateSecurityListDetails,
    subnet.CreateSubnetDetails,
    subnet.Subnet,
    subnet.UpdateSubnetDetails,
    vcn.CreateVcnDetails,
    vcn.UpdateVcnDetails,
    vcn.Vcn,
    vnic.CreateVnicDetails,
    vnic.UpdateVnicDetails,
    vnic.Vnic,
    vnic.VnicAttachment,
    volume.CreateVolumeDetails,
    volume.UpdateVolumeDetails,
    volume.Volume,
    volume_attachment.VolumeAttachment,
]
THEIR_NAME = {
    "VolumeAttachment": "ParavirtualizedVolumeAttachment",
}


@pytest.mark.parametrize("ours", OURS, ids=lambda ours: ours.__name__)
def test_every_field_is_one_of_oracles(ours: type[wire.Details]) -> None:
    name = THEIR_NAME.get(ours.__name__, ours.__name__)
    theirs = getattr(core, name, None) or getattr(identity, name)
    shown = {wire.camel(field) for field in ours.model_fields if field not in ours.hidden}
    assert shown <= set(theirs().attribute_map.values())
