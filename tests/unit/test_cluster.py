"""The platform cluster on a recording engine: its network, its control plane and its nodes."""

import json
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path

import pulumi
import pytest
import yaml

from common import kubeconfig
from components.cluster import newest_image, newest_patch
from components.cluster_network import endpoint_rules, node_rules
from tests.unit import test_platform
from tests.unit.conftest import CALLS, PROGRAM, Program, Recording

Up = Callable[[Program], Recording]
RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
NAMES = [
    ("Oracle-Linux-8.10-2025.09.16-0-OKE-1.34.1-1191", "older"),
    ("Oracle-Linux-8.10-2025.11.20-0-OKE-1.34.1-1330", "newest"),
    ("Oracle-Linux-8.10-2025.11.20-0-OKE-1.34.10-1330", "of another version"),
    ("Oracle-Linux-8.10-Gen2-GPU-2025.11.20-0-OKE-1.34.1-1330", "with drivers"),
    ("Oracle-Linux-8.10-aarch64-2025.09.16-0-OKE-1.34.1-1191", "of arm64"),
]
CONTENT = yaml.safe_dump(
    {
        "clusters": [
            {
                "name": "cluster-1",
                "cluster": {
                    "server": "https://192.0.2.9:6443",
                    "certificate-authority-data": "Q0E=",
                },
            }
        ],
        "users": [{"name": "user-1", "user": {"exec": {"command": "oci"}}}],
    }
)


@pytest.fixture(name="recorded")
def _recorded(up: Up, program: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.setattr(
        "tests.unit.conftest.CALLS",
        {
            **CALLS,
            "oci:ContainerEngine/getClusterOption:getClusterOption": {
                "kubernetesVersions": ["v1.33.9", "v1.34.1", "v1.34.0"]
            },
            "oci:ContainerEngine/getNodePoolOption:getNodePoolOption": {
                "sources": [
                    {"sourceName": name, "imageId": ocid, "sourceType": "IMAGE"}
                    for name, ocid in NAMES
                ]
            },
            "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig": {"content": CONTENT},
        },
    )
    return up(lambda: program(**test_platform.CLUSTER))


def test_a_cluster_is_in_the_place_of_a_server(recorded: Recording) -> None:
    assert "auth-cluster" in recorded.names
    assert not {"auth-vm", "auth-data", "auth-release"} & recorded.names
    assert "auth-nsg-22-from-198-51-100-0-24" not in recorded.names


def test_the_cluster_is_basic_and_has_the_newest_patch(recorded: Recording) -> None:
    cluster = recorded["auth-cluster"]
    assert cluster["type"] == "BASIC_CLUSTER"
    assert cluster["kubernetesVersion"] == "v1.34.1"
    assert cluster["endpointConfig"] == {
        "subnetId": "auth-endpoint-subnet-id",
        "nsgIds": ["auth-endpoint-nsg-id"],
        "isPublicIpEnabled": True,
    }
    assert {"auth-cluster", "auth-nodes"} <= recorded.protected


def test_the_nodes_are_in_all_availability_domains(recorded: Recording) -> None:
    pool = recorded["auth-nodes"]
    config = pool["nodeConfigDetails"]
    assert config["size"] == 2
    assert config["nsgIds"] == ["auth-nodes-nsg-id"]
    assert [each["availabilityDomain"] for each in config["placementConfigs"]] == ["AD-1", "AD-2"]
    assert pool["nodeSourceDetails"]["imageId"] == "of arm64"
    assert pool["nodeShapeConfig"] == {"ocpus": 1, "memoryInGbs": 6}


def test_the_alarm_for_a_site_that_is_down_asks_at_the_load_balancer(recorded: Recording) -> None:
    monitor = recorded["auth-monitor"]

    assert monitor["targets"] == ["auth.test"]
    assert "auth-service" in recorded.awaited["auth-monitor"], "a new stack would mail"
    titles = [each["displayName"] for each in recorded.of_type("oci:Monitoring/alarm:Alarm")]
    assert [title.partition(": ")[2] for title in titles] == ["the site is down"]


def test_the_cluster_waits_for_the_rules_of_its_parts(recorded: Recording) -> None:
    rules = {name for name in recorded.names if "-nsg-" in name}
    assert rules, "there are no rules"
    assert rules <= recorded.awaited["auth-cluster"], "no node could join without them"


def test_the_api_is_open_to_operators_and_nodes_alone(recorded: Recording) -> None:
    sources = {
        rule["source"]
        for rule in recorded.of_type(RULE)
        if rule["networkSecurityGroupId"] == "auth-endpoint-nsg-id"
        if rule["direction"] == "INGRESS"
    }
    assert sources == {"198.51.100.0/24", "10.0.4.0/24"}


def test_nobody_on_the_internet_reaches_a_port_of_a_node() -> None:
    rules = node_rules(endpoint="10.0.3.0/28", nodes="10.0.4.0/24", balancer="10.0.1.0/24")
    outside = ip_address("198.51.100.7")
    opened = [rule for rule in rules if outside in ip_network(rule.source)]
    assert [rule.protocol for rule in opened] == ["1"], "only ICMP errors may come from anywhere"


@pytest.mark.parametrize("port", [6443, 12250])
def test_nodes_reach_the_ports_of_the_api(port: int) -> None:
    rules = endpoint_rules(operators=(), nodes="10.0.4.0/24")
    assert port in {rule.ports[0] for rule in rules if rule.ports}


def test_the_slugs_of_rules_differ() -> None:
    rules = [
        *endpoint_rules(operators=("198.51.100.0/24", "10.0.4.0/25"), nodes="10.0.4.0/24"),
        *node_rules(endpoint="10.0.3.0/28", nodes="10.0.4.0/24", balancer="10.0.1.0/24"),
    ]
    assert len({rule.slug for rule in rules}) == len(rules)


@pytest.mark.parametrize(
    ("wanted", "version"), [("v1.34", "v1.34.10"), ("v1.34.1", "v1.34.1"), ("v1.3", "")]
)
def test_a_version_is_that_of_the_plan_or_its_newest_patch(wanted: str, version: str) -> None:
    offered = ["v1.33.4", "v1.34.1", "v1.34.10", "v1.34.9"]
    if version:
        assert newest_patch(offered, wanted) == version
    else:
        with pytest.raises(pulumi.RunError, match=r"Oracle offers v1\.33\.4, v1\.34\.1"):
            newest_patch(offered, wanted)


def test_the_image_of_nodes_is_the_newest_for_the_version_and_the_architecture() -> None:
    assert newest_image(NAMES, version="v1.34.1", platform="linux/amd64") == "newest"
    assert newest_image(NAMES, version="v1.34.1", platform="linux/arm64") == "of arm64"
    with pytest.raises(pulumi.RunError, match=r"no image of nodes for v1\.35\.0"):
        newest_image(NAMES, version="v1.35.0", platform="linux/amd64")


def test_the_kubeconfig_has_the_clusters_address_and_no_secret() -> None:
    document = json.loads(
        kubeconfig.of_stack(CONTENT, cluster_id="ocid1.cluster", region="eu-madrid-1", stack="dev")
    )
    assert document["clusters"][0]["cluster"]["server"] == "https://192.0.2.9:6443"
    user = document["users"][0]["user"]["exec"]
    assert user["command"] == ".venv/bin/python", "another machine has another folder"
    assert user["args"][:2] == ["-m", "stack.cluster_token"]
    assert "oci" not in json.dumps(document["users"][0]["user"]["exec"]["command"])
    assert document["contexts"][0]["name"] == document["current-context"] == "dev"


def test_the_kubeconfig_of_a_machine_works_in_any_folder() -> None:
    content = kubeconfig.of_stack(CONTENT, cluster_id="ocid1.cluster", region="r", stack="dev")
    document = json.loads(kubeconfig.anywhere(content, Path("/clone")))
    user = document["users"][0]["user"]["exec"]
    assert user["command"] == "/clone/.venv/bin/python"
    assert user["env"] == [{"name": "PYTHONPATH", "value": "/clone"}]


@pytest.mark.parametrize("example", ["fleet", "two-services"])
def test_an_example_with_servers_refuses_the_platform_cluster(
    up: Up, program: Callable[..., None], monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    path = PROGRAM.parent / "examples" / example / "__main__.py"
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr("pulumi.config.get_project", lambda: example)
    with pytest.raises(pulumi.RunError, match=r"(this program makes servers|Keep them in SQLite)"):
        up(lambda: program(path, **test_platform.CLUSTER))
