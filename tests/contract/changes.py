"""The changes of each resource of the program, on which a plugin decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from standins.values import Properties

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class Row:
    """A change: properties to set, by path; None removes a property.

    `set` changes the program's inputs. `behind` changes the resource in the cloud, past Pulumi.
    `before` changes both, before the change itself.
    """

    resource: str
    change: str
    set: Mapping[str, Any] = field(default_factory=dict)
    behind: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.resource}: {self.change}"


TOKENS = {
    "Vcn": "oci:Core/vcn:Vcn",
    "InternetGateway": "oci:Core/internetGateway:InternetGateway",
    "DefaultRouteTable": "oci:Core/defaultRouteTable:DefaultRouteTable",
    "DefaultSecurityList": "oci:Core/defaultSecurityList:DefaultSecurityList",
    "Subnet": "oci:Core/subnet:Subnet",
    "NetworkSecurityGroup": "oci:Core/networkSecurityGroup:NetworkSecurityGroup",
    "SecurityRule": ("oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"),
    "Instance": "oci:Core/instance:Instance",
    "Volume": "oci:Core/volume:Volume",
    "VolumeAttachment": "oci:Core/volumeAttachment:VolumeAttachment",
    "BackupPolicy": "oci:Core/volumeBackupPolicy:VolumeBackupPolicy",
    "BackupAssignment": "oci:Core/volumeBackupPolicyAssignment:VolumeBackupPolicyAssignment",
    "PublicIp": "oci:Core/publicIp:PublicIp",
    "NotificationTopic": "oci:Ons/notificationTopic:NotificationTopic",
    "Subscription": "oci:Ons/subscription:Subscription",
    "HttpMonitor": "oci:HealthChecks/httpMonitor:HttpMonitor",
    "Alarm": "oci:Monitoring/alarm:Alarm",
    "Budget": "oci:Budget/budget:Budget",
    "AlertRule": "oci:Budget/rule:Rule",
    "DatabaseSubnet": "oci:Core/subnet:Subnet",
    "DbSystem": "oci:Psql/dbSystem:DbSystem",
    "Cluster": "oci:ContainerEngine/cluster:Cluster",
    "NodePool": "oci:ContainerEngine/nodePool:NodePool",
    "Image": "docker:index/image:Image",
    "Command": "command:remote:Command",
}


def applied(inputs: Properties, changes: Mapping[str, Any]) -> Properties:
    """Return properties with each path set to its value, or removed for None."""
    result = dict(inputs)
    for path, value in changes.items():
        head, _, rest = path.partition(".")
        if rest:
            result[head] = applied(result.get(head, {}), {rest: value})
        elif value is None:
            result.pop(head, None)
        else:
            result[head] = value
    return result


_RULE = {"destination": ANYWHERE, "destinationType": "CIDR_BLOCK"}
_ALL = {"protocol": "all", "destination": ANYWHERE, "destinationType": "CIDR_BLOCK"}
_TEN = {"protocol": "all", "destination": "10.0.0.0/8", "destinationType": "CIDR_BLOCK"}
_TCP = {"destinationPortRange": {"min": 22, "max": 22}}

_DAILY = {
    "backupType": "INCREMENTAL",
    "period": "ONE_DAY",
    "retentionSeconds": 259200,
    "offsetType": "STRUCTURED",
    "offsetSeconds": 0,
    "hourOfDay": 2,
    "timeZone": "UTC",
}
_WEEKLY = {
    **_DAILY,
    "period": "ONE_WEEK",
    "retentionSeconds": 604800,
    "hourOfDay": 3,
    "dayOfWeek": "SUNDAY",
}
SCHEDULES = [_DAILY, _WEEKLY]

ROWS = [
    *(Row(resource, "as it is") for resource in TOKENS),
    *(
        Row(resource, "another compartment", {"compartmentId": "ocid1.tenancy.oc1..other"})
        for resource in (
            *("Vcn", "InternetGateway", "Subnet", "NetworkSecurityGroup", "Instance", "Volume"),
            *("PublicIp", "BackupPolicy", "NotificationTopic", "HttpMonitor", "Alarm", "Budget"),
        )
    ),
    *(
        Row(resource, "another name", {"displayName": "other"})
        for resource in (
            *("Vcn", "InternetGateway", "DefaultRouteTable", "DefaultSecurityList", "Subnet"),
            *("NetworkSecurityGroup", "Instance", "Volume", "VolumeAttachment", "PublicIp"),
            *("BackupPolicy", "HttpMonitor", "Alarm", "Budget", "AlertRule", "DbSystem"),
        )
    ),
    *(
        Row(resource, "no name", {"displayName": None})
        for resource in (
            *("Vcn", "InternetGateway", "Subnet", "NetworkSecurityGroup", "Instance", "Volume"),
            "PublicIp",
        )
    ),
    *(
        Row(resource, "a tag", {"freeformTags": {"team": "auth"}})
        for resource in (
            *("Vcn", "InternetGateway", "DefaultRouteTable", "DefaultSecurityList", "Subnet"),
            *("NetworkSecurityGroup", "Instance", "Volume", "PublicIp", "NotificationTopic"),
            *("BackupPolicy", "Subscription", "HttpMonitor", "Alarm", "Budget", "AlertRule"),
            *("DbSystem", "Cluster", "NodePool"),
        )
    ),
    *(
        Row(resource, change, changes)
        for resource in ("Cluster", "NodePool")
        for change, changes in {
            "another compartment": {"compartmentId": "ocid1.tenancy.oc1..other"},
            "another name": {"name": "other"},
            "another version": {"kubernetesVersion": "v1.35.1"},
        }.items()
    ),
    Row("Cluster", "another VCN", {"vcnId": "ocid1.vcn.oc1..other"}),
    Row("Cluster", "another subnet", {"endpointConfig.subnetId": "ocid1.subnet.oc1..other"}),
    Row("Cluster", "another group", {"endpointConfig.nsgIds": ["ocid1.nsg.oc1..other"]}),
    Row("Cluster", "no public address", {"endpointConfig.isPublicIpEnabled": False}),
    Row("Cluster", "another kind of pods", {"clusterPodNetworkOptions": [{"cniType": "OTHER"}]}),
    Row("Cluster", "enhanced", {"type": "ENHANCED_CLUSTER"}),
    Row("Cluster", "no type", {"type": None}),
    Row("Cluster", "renamed behind", behind={"name": "other"}),
    Row("NodePool", "another cluster", {"clusterId": "ocid1.cluster.oc1..other"}),
    Row("NodePool", "more nodes", {"nodeConfigDetails.size": 2}),
    Row("NodePool", "another group", {"nodeConfigDetails.nsgIds": ["ocid1.nsg.oc1..other"]}),
    Row("NodePool", "another shape", {"nodeShape": "VM.Standard.E2.1"}),
    Row("NodePool", "more memory", {"nodeShapeConfig.memoryInGbs": 12}),
    Row("NodePool", "another image", {"nodeSourceDetails.imageId": "ocid1.image.oc1..other"}),
    Row("NodePool", "a larger disk", {"nodeSourceDetails.bootVolumeSizeInGbs": "60"}),
    Row(
        "NodePool",
        "a longer eviction",
        {"nodeEvictionNodePoolSettings.evictionGraceDuration": "PT10M"},
    ),
    Row("NodePool", "no eviction", {"nodeEvictionNodePoolSettings": None}),
    Row("NodePool", "more nodes behind", behind={"nodeConfigDetails.size": 2}),
    Row("Vcn", "another block", {"cidrBlocks": ["10.1.0.0/16"]}),
    Row("Vcn", "one block more", {"cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}),
    Row("Vcn", "another DNS label", {"dnsLabel": "other"}),
    Row("Vcn", "no DNS label", {"dnsLabel": None}),
    Row("Vcn", "IPv6", {"isIpv6enabled": True}),
    Row("InternetGateway", "disabled", {"enabled": False}),
    Row("InternetGateway", "enabled in so many words", {"enabled": True}),
    Row("InternetGateway", "another VCN", {"vcnId": "ocid1.vcn.oc1..other"}),
    Row("DefaultRouteTable", "no rule", {"routeRules": []}),
    Row("DefaultRouteTable", "rules not named", {"routeRules": None}),
    Row(
        "DefaultRouteTable",
        "another gateway",
        {"routeRules": [{**_RULE, "networkEntityId": "ocid1.internetgateway.oc1..other"}]},
    ),
    Row(
        "DefaultRouteTable",
        "another VCN's",
        {"manageDefaultResourceId": "ocid1.routetable.oc1..other"},
    ),
    Row(
        "DefaultSecurityList",
        "a rule",
        {
            "ingressSecurityRules": [
                {"protocol": "6", "source": ANYWHERE, "tcpOptions": {"min": 22, "max": 22}}
            ]
        },
    ),
    Row(
        "DefaultSecurityList",
        "another VCN's",
        {"manageDefaultResourceId": "ocid1.securitylist.oc1..other"},
    ),
    Row("Subnet", "another block", {"cidrBlock": "10.0.2.0/24"}),
    Row("Subnet", "another DNS label", {"dnsLabel": "other"}),
    Row("Subnet", "no DNS label", {"dnsLabel": None}),
    Row("Subnet", "another VCN", {"vcnId": "ocid1.vcn.oc1..other"}),
    Row("Subnet", "another route table", {"routeTableId": "ocid1.routetable.oc1..other"}),
    Row("Subnet", "another security list", {"securityListIds": ["ocid1.securitylist.oc1..other"]}),
    Row("Subnet", "no security list named", {"securityListIds": None}),
    Row("Subnet", "no public addresses", {"prohibitPublicIpOnVnic": True}),
    Row("Subnet", "no way in from the internet", {"prohibitInternetIngress": True}),
    Row("Subnet", "in one availability domain", {"availabilityDomain": "one"}),
    Row("NetworkSecurityGroup", "another VCN", {"vcnId": "ocid1.vcn.oc1..other"}),
    Row("SecurityRule", "another source", {"source": "10.0.0.0/8"}),
    Row("SecurityRule", "another port", {"tcpOptions.destinationPortRange.max": 23}),
    Row("SecurityRule", "any port", {"tcpOptions": None}),
    Row(
        "SecurityRule",
        "another protocol",
        {"protocol": "17", "tcpOptions": None, "udpOptions": _TCP},
    ),
    Row(
        "SecurityRule",
        "another direction",
        {
            "direction": "EGRESS",
            "source": None,
            "sourceType": None,
            "destination": ANYWHERE,
            "destinationType": "CIDR_BLOCK",
        },
    ),
    Row(
        "SecurityRule",
        "ICMP",
        {"protocol": "1", "tcpOptions": None, "icmpOptions": {"type": 3, "code": 4}},
    ),
    Row("SecurityRule", "another reason", {"description": "other"}),
    Row("SecurityRule", "no reason", {"description": None}),
    Row("SecurityRule", "stateless", {"stateless": True}),
    Row(
        "SecurityRule",
        "another group",
        {"networkSecurityGroupId": "ocid1.networksecuritygroup.oc1..other"},
    ),
    Row("Instance", "another availability domain", {"availabilityDomain": "other"}),
    Row("Instance", "a fault domain", {"faultDomain": "FAULT-DOMAIN-2"}),
    Row("Instance", "another shape", {"shape": "VM.Standard.A1.Flex"}),
    Row("Instance", "more memory", {"shapeConfig.memoryInGbs": 12}),
    Row("Instance", "more OCPUs", {"shapeConfig.ocpus": 2}),
    Row("Instance", "memory not named", {"shapeConfig.memoryInGbs": None}),
    Row("Instance", "another image", {"sourceDetails.sourceId": "ocid1.image.oc1..other"}),
    Row("Instance", "a larger boot volume", {"sourceDetails.bootVolumeSizeInGbs": "100"}),
    Row("Instance", "a faster boot volume", {"sourceDetails.bootVolumeVpusPerGb": "20"}),
    Row("Instance", "another subnet", {"createVnicDetails.subnetId": "ocid1.subnet.oc1..other"}),
    Row(
        "Instance",
        "another group",
        {"createVnicDetails.nsgIds": ["ocid1.networksecuritygroup.oc1..other"]},
    ),
    Row("Instance", "no group", {"createVnicDetails.nsgIds": None}),
    Row("Instance", "an ephemeral public address", {"createVnicDetails.assignPublicIp": "true"}),
    Row("Instance", "another host name", {"createVnicDetails.hostnameLabel": "other"}),
    Row("Instance", "another name of the VNIC", {"createVnicDetails.displayName": "other"}),
    Row("Instance", "another private address", {"createVnicDetails.privateIp": "10.0.1.77"}),
    Row(
        "Instance",
        "no check of source and destination",
        {"createVnicDetails.skipSourceDestCheck": True},
    ),
    Row("Instance", "other user data", {"metadata.user_data": "b3RoZXI="}),
    Row("Instance", "other keys", {"metadata.ssh_authorized_keys": "ssh-ed25519 other"}),
    Row("Instance", "a note in the metadata", {"metadata.note": "other"}),
    Row("Instance", "no metadata", {"metadata": None}),
    Row(
        "Instance",
        "older IMDS endpoints",
        {"instanceOptions.areLegacyImdsEndpointsDisabled": False},
    ),
    Row(
        "Instance",
        "stopped after maintenance",
        {"availabilityConfig.recoveryAction": "STOP_INSTANCE"},
    ),
    Row("Instance", "recovery not named", {"availabilityConfig": None}),
    Row("Instance", "no monitoring", {"agentConfig": {"isMonitoringDisabled": True}}),
    Row("Instance", "no encryption in transit", {"isPvEncryptionInTransitEnabled": False}),
    Row("Instance", "encryption not named", {"isPvEncryptionInTransitEnabled": None}),
    Row("Instance", "stopped", {"state": "STOPPED"}),
    Row("Instance", "power state not named", {"state": None}),
    Row("Instance", "a boot volume that stays", {"preserveBootVolume": True}),
    Row("Volume", "another availability domain", {"availabilityDomain": "other"}),
    Row("Volume", "larger", {"sizeInGbs": "100"}),
    Row("Volume", "faster", {"vpusPerGb": "20"}),
    Row("VolumeAttachment", "another device", {"device": "/dev/oracleoci/oraclevdc"}),
    Row("VolumeAttachment", "another instance", {"instanceId": "ocid1.instance.oc1..other"}),
    Row("VolumeAttachment", "another volume", {"volumeId": "ocid1.volume.oc1..other"}),
    Row("VolumeAttachment", "another type", {"attachmentType": "iscsi"}),
    Row("VolumeAttachment", "no encryption", {"isPvEncryptionInTransitEnabled": False}),
    Row("VolumeAttachment", "device not named", {"device": None}),
    Row("BackupPolicy", "no weekly backup", {"schedules": [_DAILY]}),
    Row("BackupPolicy", "longer kept", {"schedules": [{**_DAILY, "retentionSeconds": 1}, _WEEKLY]}),
    Row("BackupPolicy", "no schedule", {"schedules": []}),
    Row("BackupPolicy", "schedules not named", {"schedules": None}),
    Row("BackupPolicy", "no weekly backup behind", behind={"schedules": [_DAILY]}),
    Row("BackupAssignment", "another volume", {"assetId": "ocid1.volume.oc1..other"}),
    Row("BackupAssignment", "another policy", {"policyId": "ocid1.volumebackuppolicy.oc1..other"}),
    Row("PublicIp", "another private address", {"privateIpId": "ocid1.privateip.oc1..other"}),
    Row("PublicIp", "no private address", {"privateIpId": None}),
    Row("PublicIp", "ephemeral", {"lifetime": "EPHEMERAL"}),
    Row("Image", "another tag", {"imageName": "127.0.0.1:5000/auth/auth-service:other"}),
    Row("Image", "another argument", {"build.args.REVISION": "other"}),
    Row("Image", "another platform", {"build.platform": "linux/arm64"}),
    Row("Image", "a stage", {"build.target": "runtime"}),
    Row("Image", "another registry", {"registry.server": "127.0.0.2:5000"}),
    Row("Image", "another login", {"registry.username": "other", "registry.password": "other"}),
    Row("Image", "not built on preview, in so many words", {"buildOnPreview": False}),
    Row("Image", "not pushed", {"skipPush": True}),
    Row("Command", "another command", {"create": "other"}),
    Row("Command", "other input", {"stdin": "other"}),
    Row("Command", "no input", {"stdin": None}),
    Row("Command", "a command for updates", {"update": "other"}),
    Row("Command", "a command for the deletion", {"delete": "other"}),
    Row("Command", "another host", {"connection.host": "127.0.0.2"}),
    Row("Command", "more patience", {"connection.dialErrorLimit": 61}),
    Row("Command", "another host key", {"connection.hostKey": "ssh-ed25519 other"}),
    Row("Command", "a trigger", {"triggers": ["other"]}),
    *(
        Row("Command", change, {"triggers": triggers}, before={"triggers": ["one"]})
        for change, triggers in (
            ("another trigger", ["other"]),
            ("one trigger more", ["one", "other"]),
            ("no trigger", None),
        )
    ),
    *(
        Row("Command", change, {"environment": variables}, before={"environment": {"A": "1"}})
        for change, variables in (
            ("another variable's value", {"A": "2"}),
            ("one variable more", {"A": "1", "B": "1"}),
            ("no variable", None),
        )
    ),
    Row("Command", "another command for updates", {"update": "other"}, before={"update": "one"}),
    Row("Command", "two changes", {"create": "other", "update": "other"}),
    Row("Command", "a variable", {"environment": {"LC_WORD": "other"}}),
    Row("Command", "all output shown", {"logging": "stdoutAndStderr"}),
    Row("Command", "earlier output in the environment", {"addPreviousOutputInEnv": True}),
    Row("Instance", "another kind of source", {"sourceDetails.sourceType": "bootVolume"}),
    Row("Instance", "a DNS record", {"createVnicDetails.assignPrivateDnsRecord": True}),
    Row("Instance", "a tag of the VNIC", {"createVnicDetails.freeformTags": {"team": "auth"}}),
    Row("Instance", "host name not named", {"createVnicDetails.hostnameLabel": None}),
    Row("Instance", "shape not named", {"shape": None}),
    Row("Instance", "boot volume's size not named", {"sourceDetails.bootVolumeSizeInGbs": None}),
    Row("Volume", "size not named", {"sizeInGbs": None}),
    Row(
        "DefaultSecurityList",
        "a rule of two",
        {"egressSecurityRules": [_ALL]},
        behind={"egressSecurityRules": [_TEN, _ALL]},
    ),
    Row(
        "DefaultSecurityList",
        "two rules in another order",
        {"egressSecurityRules": [_ALL, _TEN]},
        behind={"egressSecurityRules": [_TEN, _ALL]},
    ),
    Row(
        "DefaultSecurityList",
        "one rule more",
        {"egressSecurityRules": [_ALL, _TEN]},
        behind={"egressSecurityRules": [_ALL]},
    ),
    Row("Vcn", "renamed behind", behind={"displayName": "other"}),
    Row("Vcn", "tagged behind", behind={"freeformTags": {"team": "auth"}}),
    Row("Vcn", "a tag taken away", {"freeformTags": {}}, behind={"freeformTags": {"team": "auth"}}),
    Row("Vcn", "one block more behind", behind={"cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}),
    Row("NotificationTopic", "another name", {"name": "other"}),
    Row("NotificationTopic", "another description", {"description": "other"}),
    Row("NotificationTopic", "no description", {"description": None}),
    Row("NotificationTopic", "described behind", behind={"description": "other"}),
    Row("DbSystem", "a description", {"description": "other"}),
    Row("DbSystem", "more OCPUs", {"instanceOcpuCount": 2}),
    Row("DbSystem", "more memory", {"instanceMemorySizeInGbs": 32}),
    Row("DbSystem", "another user", {"credentials.username": "other"}),
    Row("DbSystem", "another password", {"credentials.passwordDetails.password": "Other-1-other"}),
    Row(
        "DbSystem",
        "another group",
        {"networkDetails.nsgIds": ["ocid1.networksecuritygroup.oc1..x"]},
    ),
    Row("DbSystem", "another subnet", {"networkDetails.subnetId": "ocid1.subnet.oc1..other"}),
    Row("DbSystem", "longer backups", {"managementPolicy.backupPolicy.retentionDays": 14}),
    Row("DbSystem", "later backups", {"managementPolicy.backupPolicy.backupStart": "04:00"}),
    Row("DbSystem", "storage in a domain", {"storageDetails.isRegionallyDurable": False}),
    Row(
        "DbSystem",
        "longer backups behind",
        behind={"managementPolicy.backupPolicy.retentionDays": 3},
    ),
    Row("DbSystem", "two nodes", {"instanceCount": 2}),
    Row("DbSystem", "another version", {"dbVersion": "17"}),
    Row("DbSystem", "another compartment", {"compartmentId": "ocid1.tenancy.oc1..other"}),
    Row("DbSystem", "size not named", {"instanceOcpuCount": None}),
    Row("DbSystem", "kind not named", {"systemType": None}),
    Row("DbSystem", "policy not named", {"managementPolicy": None}),
    Row("Budget", "another amount", {"amount": 30}),
    Row("Budget", "another target", {"targets": ["ocid1.compartment.oc1..other"]}),
    Row("Budget", "of a tag", {"targetType": "TAG", "targets": ["auth.team.auth"]}),
    Row("Budget", "another description", {"description": "other"}),
    Row("Budget", "no description", {"description": None}),
    Row("Budget", "spent behind", behind={"actualSpend": 3, "forecastedSpend": 5}),
    Row("Budget", "raised behind", behind={"amount": 40}),
    Row("AlertRule", "another share", {"threshold": 90}),
    Row("AlertRule", "an amount", {"threshold": 10, "thresholdType": "ABSOLUTE"}),
    Row("AlertRule", "by the forecast", {"type": "FORECAST"}),
    Row("AlertRule", "other recipients", {"recipients": "other@example.test"}),
    Row("AlertRule", "no recipients", {"recipients": None}),
    Row("AlertRule", "another message", {"message": "other"}),
    Row("AlertRule", "another budget", {"budgetId": "ocid1.budget.oc1..other"}),
    Row("Subscription", "another address", {"endpoint": "other@example.test"}),
    Row("Subscription", "another topic", {"topicId": "ocid1.onstopic.oc1..other"}),
    Row("Subscription", "confirmed behind", behind={"state": "ACTIVE"}),
    Row("HttpMonitor", "another target", {"targets": ["127.0.0.1"]}),
    Row("HttpMonitor", "another path", {"path": "/healthz"}),
    Row("HttpMonitor", "another port", {"port": 81}),
    Row("HttpMonitor", "another interval", {"intervalInSeconds": 30}),
    Row("HttpMonitor", "another protocol", {"protocol": "HTTPS", "port": 443}),
    Row("HttpMonitor", "another method", {"method": "HEAD"}),
    Row("HttpMonitor", "more patience", {"timeoutInSeconds": 8}),
    Row("HttpMonitor", "disabled", {"isEnabled": False}),
    Row("HttpMonitor", "disabled behind", behind={"isEnabled": False}),
    Row("Alarm", "another query", {"query": "load[1m].mean() > 2"}),
    Row("Alarm", "another severity", {"severity": "WARNING"}),
    Row("Alarm", "another text", {"body": "other"}),
    Row("Alarm", "another format", {"messageFormat": "RAW"}),
    Row("Alarm", "no text", {"body": None}),
    Row("Alarm", "another delay", {"pendingDuration": "PT5M"}),
    Row("Alarm", "another topic", {"destinations": ["ocid1.onstopic.oc1..other"]}),
    Row("Alarm", "disabled", {"isEnabled": False}),
    Row("Alarm", "disabled behind", behind={"isEnabled": False}),
    Row("Alarm", "another namespace", {"namespace": "other"}),
    Row("InternetGateway", "disabled behind", behind={"enabled": False}),
    Row("DefaultRouteTable", "emptied behind", behind={"routeRules": []}),
    Row(
        "DefaultSecurityList",
        "opened behind",
        behind={"egressSecurityRules": [_ALL]},
    ),
    Row("Instance", "a note in the metadata behind", behind={"metadata.note": "other"}),
    Row("Instance", "other user data behind", behind={"metadata.user_data": "b3RoZXI="}),
    Row("Instance", "stopped behind", behind={"state": "STOPPED"}),
    Row("Instance", "stopped behind, not named", {"state": None}, behind={"state": "STOPPED"}),
    Row("Instance", "more memory behind", behind={"shapeConfig.memoryInGbs": 12}),
    Row(
        "Instance",
        "another group behind",
        behind={"createVnicDetails.nsgIds": ["ocid1.networksecuritygroup.oc1..other"]},
    ),
    Row("Instance", "no group behind", behind={"createVnicDetails.nsgIds": []}),
    Row(
        "PublicIp",
        "unassigned behind",
        behind={"privateIpId": None, "assignedEntityId": None, "state": "AVAILABLE"},
    ),
    Row(
        "PublicIp",
        "assigned elsewhere behind",
        behind={"privateIpId": "ocid1.privateip.oc1..other"},
    ),
]
