"""Operations on what a network is made of: VCNs, gateways, routes, security lists, subnets."""

from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.services import resources as resource
from localcloud.services.core import (
    internet_gateway,
    route_table,
    security_list,
    subnet,
    vcn,
    vcn_parts,
)
from localcloud.services.work_requests import moves

_IN_VCN = ("compartmentId", "vcnId", "displayName", "lifecycleState")

_VCN = (
    creates("CreateVcn", "/vcns", vcn.Vcn, vcn.CreateVcnDetails, vcn.create),
    lists("ListVcns", "/vcns", vcn.Vcn, ("compartmentId", "displayName", "lifecycleState")),
    reads("GetVcn", "/vcns/{vcnId}", vcn.Vcn),
    updates("UpdateVcn", "/vcns/{vcnId}", vcn.Vcn, vcn.UpdateVcnDetails, resource.update),
    moves("ChangeVcnCompartment", "/vcns/{vcnId}", vcn.Vcn),
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
    moves(
        "ChangeInternetGatewayCompartment",
        "/internetGateways/{igId}",
        internet_gateway.InternetGateway,
    ),
    deletes(
        "DeleteInternetGateway",
        "/internetGateways/{igId}",
        internet_gateway.InternetGateway,
        resource.delete,
    ),
)

_ROUTES_AND_LISTS = (
    creates(
        "CreateRouteTable",
        "/routeTables",
        route_table.RouteTable,
        vcn_parts.CreateRouteTableDetails,
        vcn_parts.create_route_table,
    ),
    lists("ListRouteTables", "/routeTables", route_table.RouteTable, _IN_VCN),
    reads("GetRouteTable", "/routeTables/{rtId}", route_table.RouteTable),
    updates(
        "UpdateRouteTable",
        "/routeTables/{rtId}",
        route_table.RouteTable,
        route_table.UpdateRouteTableDetails,
        route_table.update,
    ),
    moves("ChangeRouteTableCompartment", "/routeTables/{rtId}", route_table.RouteTable),
    deletes("DeleteRouteTable", "/routeTables/{rtId}", route_table.RouteTable, resource.delete),
    creates(
        "CreateSecurityList",
        "/securityLists",
        security_list.SecurityList,
        vcn_parts.CreateSecurityListDetails,
        vcn_parts.create_security_list,
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
    moves(
        "ChangeSecurityListCompartment",
        "/securityLists/{securityListId}",
        security_list.SecurityList,
    ),
    deletes(
        "DeleteSecurityList",
        "/securityLists/{securityListId}",
        security_list.SecurityList,
        resource.delete,
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
    moves("ChangeSubnetCompartment", "/subnets/{subnetId}", subnet.Subnet),
    deletes("DeleteSubnet", "/subnets/{subnetId}", subnet.Subnet, resource.delete),
)

OPERATIONS = (
    *_VCN,
    *_INTERNET_GATEWAY,
    *_ROUTES_AND_LISTS,
    *_SUBNET,
)
