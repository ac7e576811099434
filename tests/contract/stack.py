"""The program's resources, each made by a plugin as the program makes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oci

from localcloud.host import default_shape
from standins.values import Properties
from tests.contract.changes import ANYWHERE, SCHEDULES, TOKENS
from tests.contract.plug import Made, Plug
from tests.localcloud.caller import Caller
from tests.localcloud.launches import latest_image

REPOSITORY = "127.0.0.1:5000/auth/auth-service"
# No image is built or pushed, and no command runs: these are their results.
_RESULTS = {
    "Command": {"stdout": "out", "stderr": ""},
    "Image": {
        "baseImageName": f"{REPOSITORY}:sha-1",
        "context": "service",
        "dockerfile": "Dockerfile",
        "imageName": f"{REPOSITORY}:sha-1",
        "platform": "linux/amd64",
        "registryServer": "127.0.0.1:5000",
        "repoDigest": f"{REPOSITORY}@sha256:1",
    },
}


class Stack:
    """The resources by their names in `TOKENS`: the program's inputs, and the made resources."""

    def __init__(self, plugs: Mapping[str, Plug], caller: Caller) -> None:
        self._plugs, self._caller = plugs, caller
        self.wanted: dict[str, Properties] = {}
        self.made: dict[str, Made] = {}

    def plug(self, name: str) -> Plug:
        return self._plugs[TOKENS[name].partition(":")[0]]

    def make(self) -> None:
        self._make_network()
        self._make_server()
        self._make_alarms()
        self._make_budget()
        self._make_database()
        self._make_cluster()
        self._make("Image", **_image())
        self._make("Command", **_command())

    def remove(self) -> None:
        for name, made in reversed(self.made.items()):
            if name not in _RESULTS:
                self.plug(name).delete(made)

    def _make(self, name: str, /, **inputs: Any) -> Made:
        made = self.plug(name).create(TOKENS[name], inputs, preview=name in _RESULTS)
        if name in _RESULTS:
            made = _finished(name, made)
        self.wanted[name], self.made[name] = inputs, made
        return made

    def _make_network(self) -> None:
        place = {"compartmentId": self._caller.compartment, "displayName": "auth"}
        vcn = self._make("Vcn", **place, cidrBlocks=["10.0.0.0/16"], dnsLabel="auth")
        place_in_vcn = {**place, "vcnId": vcn.identity}
        gateway = self._make("InternetGateway", **place_in_vcn)
        route = {"destination": ANYWHERE, "destinationType": "CIDR_BLOCK"}
        table, rules = (
            vcn.outputs[name] for name in ("defaultRouteTableId", "defaultSecurityListId")
        )
        self._make(
            "DefaultRouteTable",
            manageDefaultResourceId=table,
            routeRules=[{**route, "networkEntityId": gateway.identity}],
        )
        self._make(
            "DefaultSecurityList",
            manageDefaultResourceId=rules,
            ingressSecurityRules=[],
            egressSecurityRules=[],
        )
        self._make(
            "Subnet",
            **place_in_vcn,
            cidrBlock="10.0.1.0/24",
            dnsLabel="public",
            routeTableId=table,
            securityListIds=[rules],
        )
        group = self._make("NetworkSecurityGroup", **place_in_vcn)
        self._make(
            "SecurityRule",
            networkSecurityGroupId=group.identity,
            direction="INGRESS",
            protocol="6",
            source=ANYWHERE,
            sourceType="CIDR_BLOCK",
            tcpOptions={"destinationPortRange": {"min": 22, "max": 22}},
            description="SSH for deployments",
        )

    def _make_database(self) -> None:
        place = {"compartmentId": self._caller.compartment, "displayName": "auth"}
        vcn, group = self.made["Vcn"].identity, self.made["NetworkSecurityGroup"].identity
        subnet = self._make(
            "DatabaseSubnet",
            **place,
            vcnId=vcn,
            cidrBlock="10.0.2.0/24",
            dnsLabel="database",
            prohibitPublicIpOnVnic=True,
        )
        password = {"passwordType": "PLAIN_TEXT", "password": "Horse-battery-1"}
        self._make(
            "DbSystem",
            **place,
            dbVersion="16",
            shape="PostgreSQL.VM.Standard.E5.Flex",
            instanceCount=1,
            instanceOcpuCount=1,
            instanceMemorySizeInGbs=16,
            systemType="OCI_OPTIMIZED_STORAGE",
            credentials={"username": "keeper", "passwordDetails": password},
            networkDetails={"subnetId": subnet.identity, "nsgIds": [group]},
            storageDetails={
                "isRegionallyDurable": True,
                "systemType": "OCI_OPTIMIZED_STORAGE",
            },
            managementPolicy={
                "backupPolicy": {"kind": "DAILY", "backupStart": "02:00", "retentionDays": 7}
            },
        )

    def _make_cluster(self) -> None:
        place = {"compartmentId": self._caller.compartment, "name": "auth"}
        subnet, group = (self.made[name].identity for name in ("Subnet", "NetworkSecurityGroup"))
        engine = self._caller.client(oci.container_engine.ContainerEngineClient)
        (version,) = engine.get_cluster_options("all").data.kubernetes_versions
        cluster = self._make(
            "Cluster",
            **place,
            vcnId=self.made["Vcn"].identity,
            kubernetesVersion=version,
            type="BASIC_CLUSTER",
            endpointConfig={"subnetId": subnet, "nsgIds": [group], "isPublicIpEnabled": True},
            clusterPodNetworkOptions=[{"cniType": "FLANNEL_OVERLAY"}],
        )
        self._make(
            "NodePool",
            **place,
            clusterId=cluster.identity,
            kubernetesVersion=version,
            nodeShape=default_shape(),
            nodeShapeConfig={"ocpus": 1, "memoryInGbs": 6},
            nodeSourceDetails={
                "sourceType": "IMAGE",
                "imageId": latest_image(self._caller),
                "bootVolumeSizeInGbs": "50",
            },
            nodeConfigDetails={
                "size": 0,  # a node is a machine, and takes its time
                "nsgIds": [group],
                "placementConfigs": [
                    {"availabilityDomain": domain, "subnetId": subnet}
                    for domain in self._caller.domains
                ],
            },
            nodeEvictionNodePoolSettings={
                "evictionGraceDuration": "PT5M",
                "isForceDeleteAfterGraceDuration": True,
            },
        )

    def _make_alarms(self) -> None:
        place = {"compartmentId": self._caller.compartment}
        topic = self._make("NotificationTopic", **place, name="auth", description="alarms")
        self._make(
            "Subscription",
            **place,
            topicId=topic.identity,
            protocol="EMAIL",
            endpoint="oncall@example.test",
        )
        self._make(
            "HttpMonitor",
            **place,
            displayName="auth",
            targets=["192.0.2.7"],
            protocol="HTTP",
            port=80,
            method="GET",
            path="/readyz",
            intervalInSeconds=10,
            timeoutInSeconds=5,
            isEnabled=True,
        )
        self._make(
            "Alarm",
            **place,
            metricCompartmentId=self._caller.compartment,
            displayName="auth: load",
            namespace="auth",
            query="load[1m].mean() > 1",
            severity="CRITICAL",
            destinations=[topic.identity],
            isEnabled=True,
            body="docs/runbook.md",
            messageFormat="ONS_OPTIMIZED",
            pendingDuration="PT1M",
        )

    def _make_budget(self) -> None:
        budget = self._make(
            "Budget",
            compartmentId=self._caller.account.tenancy,
            displayName="auth",
            description="the Authentication Service",
            amount=20,
            resetPeriod="MONTHLY",
            targetType="COMPARTMENT",
            targets=[self._caller.compartment],
        )
        self._make(
            "AlertRule",
            budgetId=budget.identity,
            displayName="auth",
            type="ACTUAL",
            threshold=80,
            thresholdType="PERCENTAGE",
            recipients="oncall@example.test",
            message="docs/runbook.md",
        )

    def _make_server(self) -> None:
        place = {
            "compartmentId": self._caller.compartment,
            "availabilityDomain": self._caller.domains[0],
        }
        instance = self._make(
            "Instance",
            **place,
            displayName="auth",
            shape=default_shape(),
            shapeConfig={"ocpus": 1, "memoryInGbs": 6},
            sourceDetails={
                "sourceType": "image",
                "sourceId": latest_image(self._caller),
                "bootVolumeSizeInGbs": "50",
            },
            createVnicDetails={
                "subnetId": self.made["Subnet"].identity,
                "nsgIds": [self.made["NetworkSecurityGroup"].identity],
                "assignPublicIp": "false",
                "hostnameLabel": "auth",
            },
            metadata={
                "ssh_authorized_keys": "ssh-ed25519 AAAA",
                "user_data": "I2Nsb3VkLWNvbmZpZwp7fQo=",
            },
            instanceOptions={"areLegacyImdsEndpointsDisabled": True},
            availabilityConfig={"recoveryAction": "RESTORE_INSTANCE"},
            isPvEncryptionInTransitEnabled=True,
            preserveBootVolume=False,
            state="RUNNING",
        )
        volume = self._make("Volume", **place, displayName="auth-data", sizeInGbs="50")
        self._make(
            "VolumeAttachment",
            attachmentType="paravirtualized",
            instanceId=instance.identity,
            volumeId=volume.identity,
            device="/dev/oracleoci/oraclevdb",
            isPvEncryptionInTransitEnabled=True,
        )
        policy = self._make(
            "BackupPolicy",
            compartmentId=self._caller.compartment,
            displayName="auth-data",
            schedules=SCHEDULES,
        )
        self._make("BackupAssignment", assetId=volume.identity, policyId=policy.identity)
        (attached,) = self._caller.compute.list_vnic_attachments(
            self._caller.compartment, instance_id=instance.identity
        ).data
        (address,) = self._caller.network.list_private_ips(vnic_id=attached.vnic_id).data
        self._make(
            "PublicIp",
            compartmentId=self._caller.compartment,
            displayName="auth",
            lifetime="RESERVED",
            privateIpId=address.id,
        )


@contextmanager
def made(plugs: Mapping[str, Plug], caller: Caller) -> Iterator[Stack]:
    """Make all resources, and remove them in the end."""
    stack = Stack(plugs, caller)
    try:
        stack.make()
        yield stack
    finally:
        stack.remove()


def write_context(folder: Path) -> None:
    """Write a build context that has something of each kind: the digest counts it all."""
    service = folder / "service"
    for name, mode in {
        "Dockerfile": 0o644,
        "a.py": 0o644,
        "a/b.py": 0o755,
        "a/.hidden": 0o600,
        "a-b/c": 0o664,
        "tests/left_out.py": 0o644,
        "a/__pycache__/left_out.pyc": 0o644,
    }.items():
        file = service / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n")
        file.chmod(mode)
    (service / ".dockerignore").write_text(
        "# what the image is made of\n*\n!a\n!a.py\n!a-b\n!link\n**/__pycache__\n"
    )
    (service / ".dockerignore").chmod(0o644)
    (service / "link").symlink_to("a/b.py")


def _image() -> Properties:
    return {
        "imageName": f"{REPOSITORY}:sha-1",
        "build": {
            "context": "service",
            "dockerfile": "service/Dockerfile",
            "platform": "linux/amd64",
            "args": {"BASE": "base", "REVISION": "1"},
        },
        "registry": {"server": "127.0.0.1:5000", "username": "u", "password": "p"},
    }


def _command() -> Properties:
    return {
        "connection": {
            "host": "127.0.0.1",
            "user": "ubuntu",
            "privateKey": "k",
            "hostKey": "ssh-ed25519 AAAA",
            "dialErrorLimit": 60,
            "perDialTimeout": 15,
        },
        "create": "true",
        "stdin": "in",
        "addPreviousOutputInEnv": False,
        "logging": "stderr",
    }


def _finished(name: str, made: Made) -> Made:
    outputs = {**_RESULTS[name], "__inputs": made.inputs} if name == "Image" else made.outputs
    return Made(made.token, made.identity or "id", made.inputs, {**outputs, **_RESULTS[name]})
