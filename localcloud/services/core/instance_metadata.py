"""A machine's metadata document: its instance and VNIC, under the metadata service's names.

Source: https://docs.oracle.com/en-us/iaas/Content/Compute/Tasks/gettingmetadata.htm
"""

from typing import Any

from localcloud import ocids
from localcloud.cloud import Cloud
from localcloud.services.core import vnic
from localcloud.services.core.instance import Instance
from localcloud.services.core.subnet import Subnet


def document(cloud: Cloud, instance: Instance) -> dict[str, Any]:
    """Return `instance`, `vnics`, and `legacy`: whether the service's first version answers."""
    card = vnic.of_instance(cloud, instance.id)
    subnet = cloud.store.get(Subnet, card.subnet_id)
    return {
        "legacy": not instance.instance_options.are_legacy_imds_endpoints_disabled,
        "instance": _instance(cloud, instance),
        "vnics": [
            {
                "vnicId": card.id,
                "privateIp": card.private_ip,
                "vlanTag": 1,
                "macAddr": card.mac_address,
                "virtualRouterIp": subnet.virtual_router_ip,
                "subnetCidrBlock": subnet.cidr_block,
                "nicIndex": 0,
            }
        ],
    }


def _instance(cloud: Cloud, instance: Instance) -> dict[str, Any]:
    size, agent = instance.shape_config, instance.agent_config
    return {
        "agentConfig": {
            "allPluginsDisabled": agent.are_all_plugins_disabled,
            "managementDisabled": agent.is_management_disabled,
            "monitoringDisabled": agent.is_monitoring_disabled,
        },
        "availabilityDomain": instance.availability_domain,
        "canonicalRegionName": ocids.REGION,
        "compartmentId": instance.compartment_id,
        "definedTags": instance.defined_tags,
        "displayName": instance.display_name,
        "faultDomain": instance.fault_domain,
        "freeformTags": instance.freeform_tags,
        "hostname": instance.hostname,
        "id": instance.id,
        "image": instance.image_id,
        "metadata": instance.metadata,
        "ociAdName": instance.availability_domain.partition(":")[2].lower(),
        "region": ocids.REGION,
        "shape": instance.shape,
        "shapeConfig": {
            "maxVnicAttachments": size.max_vnic_attachments,
            "memoryInGBs": size.memory_in_gbs,
            "networkingBandwidthInGbps": size.networking_bandwidth_in_gbps,
            "ocpus": size.ocpus,
        },
        "state": "Running",
        "tenantId": cloud.account.tenancy,
        "timeCreated": int(instance.time_created.timestamp() * 1000),
    }
