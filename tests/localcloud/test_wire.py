"""The fields of the services' classes, compared with the models of Oracle's own SDK."""

from collections.abc import Iterator
from typing import Any

import oci
import pytest

from localcloud.api import wire
from localcloud.api.wire import Details
from localcloud.discovery import SERVICES

THEIR_NAME = {
    "AddSecurityRulesDetails": "AddNetworkSecurityGroupSecurityRulesDetails",
    "AgentConfig": "InstanceAgentConfig",
    "AttachVolumeDetails": "AttachParavirtualizedVolumeDetails",
    "AvailabilityConfig": "InstanceAvailabilityConfig",
    "ClusterPodNetworkOption": "FlannelOverlayClusterPodNetworkOptionDetails",
    "ClustersWorkRequest": "WorkRequest",
    "ClustersWorkRequestResource": "WorkRequestResource",
    "CreateNamedDetails": "CreateGroupDetails",
    "DbSystemWorkRequest": "WorkRequest",
    "DbSystemWorkRequestResource": "WorkRequestResource",
    "IdentityUser": "User",
    "InstanceSourceDetails": "InstanceSourceViaImageDetails",
    "LaunchShapeConfigDetails": "LaunchInstanceShapeConfigDetails",
    "LaunchSourceDetails": "InstanceSourceViaImageDetails",
    "LoadBalancerWorkRequest": "WorkRequest",
    "LoadBalancerWorkRequestError": "WorkRequestError",
    "MemoryRange": "ShapeMemoryOptions",
    "Named": "Group",
    "NodePoolNodeConfigDetails": "CreateNodePoolNodeConfigDetails",
    "OcpuRange": "ShapeOcpuOptions",
    "PluginConfig": "InstanceAgentPluginConfigDetails",
    "PortOptions": "TcpOptions",
    "RemoveSecurityRulesDetails": "RemoveNetworkSecurityGroupSecurityRulesDetails",
    "TrafficRule": "SecurityRule",
    "UpdateSecurityRulesDetails": "UpdateNetworkSecurityGroupSecurityRulesDetails",
    "VolumeAttachment": "ParavirtualizedVolumeAttachment",
    "_IpAddress": "GetPublicIpByIpAddressDetails",
    "_Inputs": "CreateAlarmDetails",
    "_PrivateIpId": "GetPublicIpByPrivateIpIdDetails",
}


# for models of services without a client of the provider here
_PACKAGES = {name.replace("_", ""): name for name in oci.__all__}
_OF_SDK = ("oci_loggingingestion.LoggingClient", "oci_logging.LoggingManagementClient")


def _descendants(parent: type[Details]) -> Iterator[type[Details]]:
    for child in parent.__subclasses__():
        yield child
        yield from _descendants(child)


def _of_services() -> list[type[Details]]:
    ours = {c for c in _descendants(Details) if c.__module__.startswith("localcloud.services.")}
    return sorted(ours, key=lambda c: (c.__module__, c.__name__))


def _theirs(name: str, module: str) -> Any:
    clients = (*(service.clients[0] for service in SERVICES if service.clients), *_OF_SDK)
    packages = [
        client.removeprefix("oci_").partition(".")[0].replace("_", "") for client in clients
    ]
    own = module.split(".")[2].replace("_", "")
    # some services have a model of the same name: the own service's counts
    for package in sorted(packages, key=lambda each: each != own):
        # the SDK has healthchecks and container_engine, the provider the opposite
        models = getattr(oci, _PACKAGES[package]).models
        if hasattr(models, name):
            return getattr(models, name)
    pytest.fail(f"no model of Oracle's is called {name}")


@pytest.mark.parametrize("ours", _of_services(), ids=lambda ours: ours.__name__)
def test_every_field_is_one_of_oracles(ours: type[Details]) -> None:
    theirs = _theirs(THEIR_NAME.get(ours.__name__, ours.__name__), ours.__module__)
    shown = {wire.camel(field) for field in ours.model_fields if field not in ours.hidden}
    assert shown <= set(theirs().attribute_map.values())
