"""Operations on network security groups and their rules."""

from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    acts,
    creates,
    deletes,
    lists,
    reads,
    updates,
)
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core import nsg, vnic
from localcloud.services.core.nsg import NetworkSecurityGroup
from localcloud.services.work_requests import moves

_GROUP = "/networkSecurityGroups/{networkSecurityGroupId}"


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


def _add_rules(
    cloud: Cloud, group: NetworkSecurityGroup, wish: nsg.AddSecurityRulesDetails
) -> object:
    return {"securityRules": [rule.wire() for rule in nsg.add_rules(cloud, group, wish)]}


def _update_rules(
    cloud: Cloud, group: NetworkSecurityGroup, wish: nsg.UpdateSecurityRulesDetails
) -> object:
    return {"securityRules": [rule.wire() for rule in nsg.update_rules(cloud, group, wish)]}


OPERATIONS = (
    creates(
        "CreateNetworkSecurityGroup",
        "/networkSecurityGroups",
        NetworkSecurityGroup,
        nsg.CreateNetworkSecurityGroupDetails,
        nsg.create,
    ),
    lists(
        "ListNetworkSecurityGroups",
        "/networkSecurityGroups",
        NetworkSecurityGroup,
        ("compartmentId", "vcnId", "displayName", "lifecycleState"),
    ),
    reads("GetNetworkSecurityGroup", _GROUP, NetworkSecurityGroup),
    updates(
        "UpdateNetworkSecurityGroup",
        _GROUP,
        NetworkSecurityGroup,
        nsg.UpdateNetworkSecurityGroupDetails,
        resource.update,
    ),
    moves("ChangeNetworkSecurityGroupCompartment", _GROUP, NetworkSecurityGroup),
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
