"""Stands in for the `oci` plugin: Oracle Cloud's network, compute and volumes, as a table.

The bridge is thin on purpose: Pulumi's properties become the API's bodies, signed by Oracle's own
SDK. Their meaning is up to the API, Oracle's or the emulated.
"""

from collections.abc import Mapping

from standins import oci_api, oci_budgets, oci_containerengine, oci_psql, oci_wire, provider
from standins.oci_api import Client
from standins.oci_backup_policy import BackupPolicy
from standins.oci_instance import Instance
from standins.oci_resources import COMPUTE, NETWORK, STORAGE, Default, Kind, SecurityRule
from standins.resource import Context, ProviderError, Resource
from standins.values import Properties

IDENTITY = Client("oci_identity.IdentityClient", "identity.{region}.oci")
_TAGS = frozenset({"displayName", "freeformTags"})
_MADE = frozenset({"state", "timeCreated"})
_ATTACHED = frozenset({"attachmentType", "instanceId", "volumeId"})
_ATTACHMENT = frozenset({"device", "displayName", "isPvEncryptionInTransitEnabled"})

RESOURCES: Mapping[str, Resource] = {
    "oci:Core/vcn:Vcn": Kind(
        client=NETWORK,
        path="/vcns",
        title="VCN",
        required=frozenset({"compartmentId"}),
        optional=_TAGS | {"cidrBlocks", "dnsLabel", "isIpv6enabled"},
        computed=_MADE
        | {
            *("defaultRouteTableId", "defaultSecurityListId", "defaultDhcpOptionsId"),
            *("vcnDomainName", "cidrBlock"),
        },
        fixed=frozenset({"dnsLabel"}),
        refused=frozenset({"cidrBlocks", "isIpv6enabled"}),
        absent={
            **{key: [] for key in ("byoipv6cidrBlocks", "byoipv6cidrDetails")},
            **{key: [] for key in ("ipv6cidrBlocks", "ipv6privateCidrBlocks")},
            "isIpv6enabled": False,
            "securityAttributes": {},
        },
    ),
    "oci:Core/internetGateway:InternetGateway": Kind(
        client=NETWORK,
        path="/internetGateways",
        title="internet gateway",
        required=frozenset({"compartmentId", "vcnId"}),
        optional=_TAGS | {"enabled"},
        computed=_MADE,
        fixed=frozenset({"vcnId"}),
        defaults={"enabled": True},
        renamed={"enabled": "isEnabled"},
    ),
    "oci:Core/defaultRouteTable:DefaultRouteTable": Default(
        path="/routeTables",
        optional=_TAGS | {"routeRules"},
        cleared=frozenset({"routeRules"}),
    ),
    "oci:Core/defaultSecurityList:DefaultSecurityList": Default(
        path="/securityLists",
        optional=_TAGS | {"ingressSecurityRules", "egressSecurityRules"},
        cleared=frozenset({"ingressSecurityRules", "egressSecurityRules"}),
    ),
    "oci:Core/subnet:Subnet": Kind(
        client=NETWORK,
        path="/subnets",
        title="subnet",
        required=frozenset({"compartmentId", "vcnId"}),
        optional=_TAGS
        | {
            *("availabilityDomain", "cidrBlock", "dnsLabel", "routeTableId", "securityListIds"),
            *("prohibitInternetIngress", "prohibitPublicIpOnVnic"),
        },
        computed=_MADE
        | {"subnetDomainName", "virtualRouterIp", "virtualRouterMac", "dhcpOptionsId"},
        fixed=frozenset(
            {
                *("availabilityDomain", "dnsLabel", "vcnId"),
                *("prohibitInternetIngress", "prohibitPublicIpOnVnic"),
            }
        ),
        absent={key: [] for key in ("ipv4cidrBlocks", "ipv6cidrBlocks")},
    ),
    "oci:Core/networkSecurityGroup:NetworkSecurityGroup": Kind(
        client=NETWORK,
        path="/networkSecurityGroups",
        title="network security group",
        required=frozenset({"compartmentId", "vcnId"}),
        optional=_TAGS,
        computed=_MADE,
        fixed=frozenset({"vcnId"}),
    ),
    "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule": SecurityRule(),
    "oci:Core/instance:Instance": Instance(
        client=COMPUTE,
        path="/instances",
        title="instance",
        required=frozenset({"availabilityDomain", "compartmentId"}),
        optional=_TAGS
        | {
            *("shape", "shapeConfig", "sourceDetails", "createVnicDetails", "metadata"),
            *("instanceOptions", "availabilityConfig", "agentConfig", "faultDomain"),
            *("isPvEncryptionInTransitEnabled", "preserveBootVolume", "state"),
        },
        computed=_MADE
        | {
            *("bootVolumeId", "privateIp", "publicIp", "region", "launchMode"),
            *("timeMaintenanceRebootDue",),
        },
        fixed=frozenset(
            {
                *("availabilityDomain", "isPvEncryptionInTransitEnabled"),
                *(f"createVnicDetails.{name}" for name in ("assignPrivateDnsRecord", "privateIp")),
                *("createVnicDetails.subnetId", "sourceDetails.bootVolumeVpusPerGb"),
            }
        ),
        own=frozenset({"createVnicDetails", "preserveBootVolume"}),
        absent={"securityAttributesState": "", "timeMaintenanceRebootDue": ""},
        ready=frozenset({"RUNNING", "STOPPED"}),
        create_seconds=2700,
        delete_seconds=4500,
        to_body=oci_wire.instance_body,
    ),
    "oci:Core/publicIp:PublicIp": Kind(
        client=NETWORK,
        path="/publicIps",
        title="public IP",
        required=frozenset({"compartmentId", "lifetime"}),
        optional=_TAGS | {"privateIpId"},
        computed=_MADE
        | {"ipAddress", "scope", "assignedEntityId", "assignedEntityType", "availabilityDomain"},
        fixed=frozenset({"lifetime"}),
        cleared=frozenset({"privateIpId"}),
        ready=frozenset({"AVAILABLE", "ASSIGNED"}),
    ),
    "oci:Core/volume:Volume": Kind(
        client=STORAGE,
        path="/volumes",
        title="volume",
        required=frozenset({"availabilityDomain", "compartmentId"}),
        optional=_TAGS | {"sizeInGbs", "vpusPerGb"},
        computed=_MADE | {"isHydrated", "sizeInMbs"},
        fixed=frozenset({"availabilityDomain"}),
        absent={key: [] for key in ("autotunePolicies", "blockVolumeReplicas")},
    ),
    "oci:Core/volumeBackupPolicy:VolumeBackupPolicy": BackupPolicy(
        client=STORAGE,
        path="/volumeBackupPolicies",
        title="volume backup policy",
        required=frozenset({"compartmentId"}),
        optional=_TAGS | {"schedules"},
        computed=frozenset({"timeCreated"}),
        fixed=frozenset({"compartmentId"}),
        cleared=frozenset({"schedules"}),
        ready=frozenset(),  # it has no states
    ),
    "oci:Core/volumeBackupPolicyAssignment:VolumeBackupPolicyAssignment": Kind(
        client=STORAGE,
        path="/volumeBackupPolicyAssignments",
        title="volume backup policy assignment",
        required=frozenset({"assetId", "policyId"}),
        optional=frozenset(),
        computed=frozenset({"timeCreated"}),
        fixed=frozenset({"assetId", "policyId"}),
        ready=frozenset(),  # it has no states
    ),
    "oci:Ons/notificationTopic:NotificationTopic": Kind(
        client=Client(
            "oci_ons.NotificationControlPlaneClient", "notification.{region}", "20181201"
        ),
        path="/topics",
        title="topic",
        identifier="topicId",
        required=frozenset({"compartmentId", "name"}),
        optional=frozenset({"description", "freeformTags"}),
        computed=_MADE | {"apiEndpoint", "etag", "shortTopicId", "topicId"},
        fixed=frozenset({"name"}),
        ready=frozenset({"ACTIVE"}),
    ),
    "oci:Ons/subscription:Subscription": Kind(
        client=Client("oci_ons.NotificationDataPlaneClient", "notification.{region}", "20181201"),
        path="/subscriptions",
        title="subscription",
        required=frozenset({"compartmentId", "endpoint", "protocol", "topicId"}),
        optional=frozenset({"freeformTags"}),
        computed=frozenset({"createdTime", "etag", "state"}),
        fixed=frozenset({"endpoint", "protocol", "topicId"}),
        # the address may take days to confirm
        ready=frozenset({"PENDING", "ACTIVE"}),
    ),
    "oci:HealthChecks/httpMonitor:HttpMonitor": Kind(
        client=Client(
            "oci_health_checks.HealthChecksClient", "healthchecks.{region}.oci", "20180501"
        ),
        path="/httpMonitors",
        title="HTTP monitor",
        required=frozenset(
            {"compartmentId", "displayName", "intervalInSeconds", "protocol", "targets"}
        ),
        optional=frozenset(
            {"freeformTags", "isEnabled", "method", "path", "port", "timeoutInSeconds"}
        ),
        computed=frozenset({"homeRegion", "resultsUrl", "timeCreated"}),
        ready=frozenset(),  # it has no states
    ),
    "oci:Monitoring/alarm:Alarm": Kind(
        client=Client("oci_monitoring.MonitoringClient", "telemetry.{region}", "20180401"),
        path="/alarms",
        title="alarm",
        required=frozenset(
            {
                *("compartmentId", "metricCompartmentId", "displayName", "namespace", "query"),
                *("severity", "destinations", "isEnabled"),
            }
        ),
        optional=frozenset({"body", "freeformTags", "messageFormat", "pendingDuration"}),
        computed=_MADE | {"timeUpdated"},
        ready=frozenset({"ACTIVE"}),
    ),
    **oci_budgets.RESOURCES,
    **oci_containerengine.RESOURCES,
    **oci_psql.RESOURCES,
    "oci:Core/volumeAttachment:VolumeAttachment": Kind(
        client=COMPUTE,
        path="/volumeAttachments",
        title="volume attachment",
        required=_ATTACHED,
        optional=_ATTACHMENT,
        computed=_MADE | {"availabilityDomain", "compartmentId"},
        fixed=_ATTACHED | _ATTACHMENT,
        absent={"iscsiLoginState": "", "multipathDevices": []},
        ready=frozenset({"ATTACHED"}),
        to_body=lambda inputs: {
            **{k: v for k, v in inputs.items() if k != "attachmentType"},
            "type": inputs["attachmentType"],
        },
    ),
}


def _list(client: Client, path: str, key: str) -> provider.Function:
    """Return a function that lists a path of the API, with its arguments as the query."""

    def function(arguments: Properties, context: Context) -> Properties:
        query = {oci_wire.outbound({k: v}).popitem()[0]: v for k, v in arguments.items()}
        items = oci_api.of(context).list(client, path, query)
        return {**arguments, "id": path.strip("/"), key: oci_wire.listed(items)}

    return function


def _get_public_ip(arguments: Properties, context: Context) -> Properties:
    """Read a public IP by its id, as the program does; the official function has other keys too."""
    path = f"/publicIps/{arguments['id']}"
    body = oci_api.of(context).call(NETWORK, "GET", path)
    if body is None:
        raise ProviderError(f"404-NotAuthorizedOrNotFound, there is no {path}")
    return {**arguments, **oci_wire.inbound(body)}


PLUGIN = provider.Plugin(
    name="oci",
    imports=("requests", "oci.signer"),
    resources=RESOURCES,
    functions={
        "oci:Identity/getAvailabilityDomains:getAvailabilityDomains": _list(
            IDENTITY, "/availabilityDomains", "availabilityDomains"
        ),
        "oci:Core/getImages:getImages": _list(COMPUTE, "/images", "images"),
        "oci:Core/getVnicAttachments:getVnicAttachments": _list(
            COMPUTE, "/vnicAttachments", "vnicAttachments"
        ),
        "oci:Core/getPublicIp:getPublicIp": _get_public_ip,
        "oci:Core/getPrivateIps:getPrivateIps": _list(NETWORK, "/privateIps", "privateIps"),
        **oci_containerengine.FUNCTIONS,
        "oci:Psql/getDbSystemConnectionDetail:getDbSystemConnectionDetail": (
            oci_psql.connection_detail
        ),
    },
)
