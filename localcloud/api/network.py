"""Operations of the VirtualNetwork service."""

from localcloud import errors, wire
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    acts,
    creates,
    deletes,
    describe,
    lists,
    reads,
    updates,
)
from localcloud.cloud import Cloud
from localcloud.model import (
    internet_gateway,
    nsg,
    private_ip,
    public_ip,
    resource,
    route_table,
    security_list,
    subnet,
    vcn,
    vnic,
)
from localcloud.model.nsg import NetworkSecurityGroup
from localcloud.wire import Details

_IN_VCN = ("compartmentId", "vcnId", "displayName", "lifecycleState")


class _PrivateIpId(Details):
    private_ip_id: str


class _IpAddress(Details):
    ip_address: str


def _list_rules(call: Call) -> Reply:
    group = call.cloud.store.get(NetworkSecurityGroup, call.path["networkSecurityGroupId"])
    direction = call.query.get("direction")
    return Reply(
        body=[rule.wire() for rule in group.security_rules if direction in {None, rule.direction}]
    )


def _list_group_vnics(call: Call) -> Reply:
    group = call.cloud.store.get(NetworkSecurityGroup, call.path["networkSecurityGroupId"])
    attachments = call.cloud.store.find(vnic.VnicAttachment, lifecycle_state="ATTACHED")
    instances = {attachment.vnic_id: attachment.instance_id for attachment in attachments}
    return Reply(
        body=[
            {
                "vnicId": card.id,
                "resourceId": instances[card.id],
                "timeAssociated": card.wire()["timeCreated"],
            }
            for card in call.cloud.store.find(vnic.Vnic)
            if group.id in card.nsg_ids
        ]
    )


def _public_ip_by_private_ip_id(call: Call) -> Reply:
    return _found_public_ip(
        call.cloud, private_ip_id=wire.read(_PrivateIpId, call.body).private_ip_id
    )


def _public_ip_by_address(call: Call) -> Reply:
    return _found_public_ip(call.cloud, ip_address=wire.read(_IpAddress, call.body).ip_address)


def _found_public_ip(cloud: Cloud, **equal: str) -> Reply:
    found = cloud.store.find(public_ip.PublicIp, **equal)
    if not found:
        raise errors.not_found()
    return describe(found[0])


def _add_rules(
    cloud: Cloud, group: NetworkSecurityGroup, wish: nsg.AddSecurityRulesDetails
) -> object:
    return {"securityRules": [rule.wire() for rule in nsg.add_rules(cloud, group, wish)]}


def _update_rules(
    cloud: Cloud, group: NetworkSecurityGroup, wish: nsg.UpdateSecurityRulesDetails
) -> object:
    return {"securityRules": [rule.wire() for rule in nsg.update_rules(cloud, group, wish)]}


_VCN = (
    creates("CreateVcn", "/vcns", vcn.Vcn, vcn.CreateVcnDetails, vcn.create),
    lists("ListVcns", "/vcns", vcn.Vcn, ("compartmentId", "displayName", "lifecycleState")),
    reads("GetVcn", "/vcns/{vcnId}", vcn.Vcn),
    updates("UpdateVcn", "/vcns/{vcnId}", vcn.Vcn, vcn.UpdateVcnDetails, resource.update),
    deletes("DeleteVcn", "/vcns/{vcnId}", vcn.Vcn, vcn.delete),
)

_INTERNET_GATEWAY = (
    creates(
        "CreateInternetGateway",
        "/internetGateways",
        internet_gateway.InternetGateway,
        internet_gateway.CreateInternetGatewayDetails,
        internet_gateway.create,
    ),
    lists("ListInternetGateways", "/internetGateways", internet_gateway.InternetGateway, _IN_VCN),
    reads("GetInternetGateway", "/internetGateways/{igId}", internet_gateway.InternetGateway),
    updates(
        "UpdateInternetGateway",
        "/internetGateways/{igId}",
        internet_gateway.InternetGateway,
        internet_gateway.UpdateInternetGatewayDetails,
        resource.update,
    ),
    deletes(
        "DeleteInternetGateway",
        "/internetGateways/{igId}",
        internet_gateway.InternetGateway,
        resource.delete,
    ),
)

_ROUTES_AND_LISTS = (
    lists("ListRouteTables", "/routeTables", route_table.RouteTable, _IN_VCN),
    reads("GetRouteTable", "/routeTables/{rtId}", route_table.RouteTable),
    updates(
        "UpdateRouteTable",
        "/routeTables/{rtId}",
        route_table.RouteTable,
        route_table.UpdateRouteTableDetails,
        route_table.update,
    ),
    lists("ListSecurityLists", "/securityLists", security_list.SecurityList, _IN_VCN),
    reads("GetSecurityList", "/securityLists/{securityListId}", security_list.SecurityList),
    updates(
        "UpdateSecurityList",
        "/securityLists/{securityListId}",
        security_list.SecurityList,
        security_list.UpdateSecurityListDetails,
        security_list.update,
    ),
)

_SUBNET = (
    creates("CreateSubnet", "/subnets", subnet.Subnet, subnet.CreateSubnetDetails, subnet.create),
    lists("ListSubnets", "/subnets", subnet.Subnet, _IN_VCN),
    reads("GetSubnet", "/subnets/{subnetId}", subnet.Subnet),
    updates(
        "UpdateSubnet",
        "/subnets/{subnetId}",
        subnet.Subnet,
        subnet.UpdateSubnetDetails,
        subnet.update,
    ),
    deletes("DeleteSubnet", "/subnets/{subnetId}", subnet.Subnet, resource.delete),
)

_GROUP = "/networkSecurityGroups/{networkSecurityGroupId}"
_NETWORK_SECURITY_GROUP = (
    creates(
        "CreateNetworkSecurityGroup",
        "/networkSecurityGroups",
        NetworkSecurityGroup,
        nsg.CreateNetworkSecurityGroupDetails,
        nsg.create,
    ),
    lists("ListNetworkSecurityGroups", "/networkSecurityGroups", NetworkSecurityGroup, _IN_VCN),
    reads("GetNetworkSecurityGroup", _GROUP, NetworkSecurityGroup),
    updates(
        "UpdateNetworkSecurityGroup",
        _GROUP,
        NetworkSecurityGroup,
        nsg.UpdateNetworkSecurityGroupDetails,
        resource.update,
    ),
    deletes("DeleteNetworkSecurityGroup", _GROUP, NetworkSecurityGroup, resource.delete),
    Operation(
        name="ListNetworkSecurityGroupSecurityRules",
        method="GET",
        path=f"{_GROUP}/securityRules",
        answer=_list_rules,
        queries=frozenset({"direction", "limit", "sortBy", "sortOrder"}),
    ),
    Operation(
        name="ListNetworkSecurityGroupVnics",
        method="GET",
        path=f"{_GROUP}/vnics",
        answer=_list_group_vnics,
    ),
    acts(
        "AddNetworkSecurityGroupSecurityRules",
        f"{_GROUP}/actions/addSecurityRules",
        NetworkSecurityGroup,
        nsg.AddSecurityRulesDetails,
        _add_rules,
    ),
    acts(
        "UpdateNetworkSecurityGroupSecurityRules",
        f"{_GROUP}/actions/updateSecurityRules",
        NetworkSecurityGroup,
        nsg.UpdateSecurityRulesDetails,
        _update_rules,
    ),
    acts(
        "RemoveNetworkSecurityGroupSecurityRules",
        f"{_GROUP}/actions/removeSecurityRules",
        NetworkSecurityGroup,
        nsg.RemoveSecurityRulesDetails,
        nsg.remove_rules,
    ),
)

_ADDRESSES = (
    reads("GetVnic", "/vnics/{vnicId}", vnic.Vnic, vnic.present),
    updates(
        "UpdateVnic",
        "/vnics/{vnicId}",
        vnic.Vnic,
        vnic.UpdateVnicDetails,
        vnic.update,
        show=vnic.present,
    ),
    lists(
        "ListPrivateIps",
        "/privateIps",
        private_ip.PrivateIp,
        ("vnicId", "subnetId", "ipAddress"),
        required=(),
    ),
    reads("GetPrivateIp", "/privateIps/{privateIpId}", private_ip.PrivateIp),
    creates(
        "CreatePublicIp",
        "/publicIps",
        public_ip.PublicIp,
        public_ip.CreatePublicIpDetails,
        public_ip.create,
    ),
    lists(
        "ListPublicIps",
        "/publicIps",
        public_ip.PublicIp,
        ("scope", "compartmentId", "availabilityDomain", "lifetime"),
        required=("scope", "compartmentId"),
    ),
    reads("GetPublicIp", "/publicIps/{publicIpId}", public_ip.PublicIp),
    Operation(
        name="GetPublicIpByPrivateIpId",
        method="POST",
        path="/publicIps/actions/getByPrivateIpId",
        answer=_public_ip_by_private_ip_id,
        fields=("privateIpId",),
    ),
    Operation(
        name="GetPublicIpByIpAddress",
        method="POST",
        path="/publicIps/actions/getByIpAddress",
        answer=_public_ip_by_address,
        fields=("ipAddress",),
    ),
    updates(
        "UpdatePublicIp",
        "/publicIps/{publicIpId}",
        public_ip.PublicIp,
        public_ip.UpdatePublicIpDetails,
        public_ip.update,
    ),
    deletes("DeletePublicIp", "/publicIps/{publicIpId}", public_ip.PublicIp, public_ip.delete),
)

OPERATIONS = (
    *_VCN,
    *_INTERNET_GATEWAY,
    *_ROUTES_AND_LISTS,
    *_SUBNET,
    *_NETWORK_SECURITY_GROUP,
    *_ADDRESSES,
)
