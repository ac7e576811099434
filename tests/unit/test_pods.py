"""The documents of a service's pods, from plain values."""

import dataclasses
from typing import Any

import pytest

from components import pods
from components.pods import Pod
from host.auth_release.desired import Health, Limits

IMAGE = f"registry.test/auth@sha256:{'a' * 64}"
POD = Pod(
    service="auth",
    image=IMAGE,
    revision="abc1234",
    port=8000,
    uid=10001,
    variables={"AUTH_ISSUER": "https://auth.test"},
    secrets="auth-0a1b2c3d",
    secret_names=["AUTH_SIGNING_KEY"],
    health=Health(path="/readyz", deadline_seconds=40, stable_seconds=3),
    live_path="/healthz",
    limits=Limits(),
    end_seconds=25,
)
DEPLOYMENT = pods.deployment(POD, replicas=2, fingerprint="0a1b2c3d")
JOB = POD.job(("python", "-m", "auth", "migrate"), seconds=300)
EITHER = pytest.mark.parametrize("document", [DEPLOYMENT, JOB], ids=["the Deployment", "a Job"])


def spec_of(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["template"]["spec"])


def container_of(document: dict[str, Any]) -> dict[str, Any]:
    (container,) = spec_of(document)["containers"]
    return dict(container)


def fingerprint(pod: Pod) -> str:
    return pods.digest(pod.template())


@EITHER
def test_a_pod_runs_the_image_by_its_digest(document: dict[str, Any]) -> None:
    assert container_of(document)["image"] == IMAGE
    assert spec_of(document)["imagePullSecrets"] == [{"name": "registry"}]


@EITHER
def test_a_pod_has_what_the_profile_restricted_demands(document: dict[str, Any]) -> None:
    own, its_container = spec_of(document)["securityContext"], container_of(document)
    assert own["runAsNonRoot"] is True
    assert own["runAsUser"] == own["runAsGroup"] == own["fsGroup"] == 10001
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}
    assert its_container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


@EITHER
def test_a_pod_has_no_token_of_the_cluster(document: dict[str, Any]) -> None:
    assert spec_of(document)["automountServiceAccountToken"] is False
    assert spec_of(document)["serviceAccountName"] == "auth", "default may have rights"


@EITHER
def test_a_secret_is_a_file_and_its_path_a_variable(document: dict[str, Any]) -> None:
    assert container_of(document)["env"] == [
        {"name": "AUTH_ISSUER", "value": "https://auth.test"},
        {"name": "AUTH_SIGNING_KEY_FILE", "value": "/run/secrets/AUTH_SIGNING_KEY"},
    ]
    volume = next(each for each in spec_of(document)["volumes"] if "secret" in each)
    assert volume["secret"] == {"secretName": "auth-0a1b2c3d", "defaultMode": 0o440}
    mounts = container_of(document)["volumeMounts"]
    assert {"name": volume["name"], "mountPath": "/run/secrets", "readOnly": True} in mounts


@EITHER
def test_a_container_can_write_to_folders_of_its_own_alone(document: dict[str, Any]) -> None:
    volumes = {each["name"]: each for each in spec_of(document)["volumes"]}
    writable = {
        each["mountPath"]: volumes[each["name"]]
        for each in container_of(document)["volumeMounts"]
        if not each.get("readOnly")
    }
    assert set(writable) == {"/data", "/tmp"}  # noqa: S108 - the container's own
    assert all("sizeLimit" in each["emptyDir"] for each in writable.values()), "a node has one disk"


@EITHER
def test_a_container_has_all_of_its_memory_from_the_start(document: dict[str, Any]) -> None:
    resources = container_of(document)["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert resources["limits"]["memory"] == str(Limits().memory_bytes)
    assert "cpu" not in resources["limits"], "an idle processor would stay idle"


def test_no_pod_ends_before_another_is_ready() -> None:
    assert DEPLOYMENT["replicas"] == 2
    assert DEPLOYMENT["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert DEPLOYMENT["minReadySeconds"] == 3
    assert DEPLOYMENT["progressDeadlineSeconds"] > 40


def test_a_pod_is_ready_with_its_database_and_alive_without() -> None:
    its_container = container_of(DEPLOYMENT)
    paths = {
        kind: (its_container[kind]["httpGet"]["path"], its_container[kind]["httpGet"]["port"])
        for kind in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert paths == {
        "startupProbe": ("/healthz", 8000),
        "readinessProbe": ("/readyz", 8000),
        "livenessProbe": ("/healthz", 8000),
    }


def test_a_pod_has_its_whole_deadline_to_start() -> None:
    probe = container_of(DEPLOYMENT)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 40


def test_a_pod_serves_on_while_the_balancer_leaves_it_out_and_then_ends_its_requests() -> None:
    pause = container_of(DEPLOYMENT)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause == pods.LEAVE_SECONDS
    assert spec_of(DEPLOYMENT)["terminationGracePeriodSeconds"] == pause + 25


def test_the_pods_of_one_release_are_on_different_nodes_and_in_different_domains() -> None:
    spread = spec_of(DEPLOYMENT)["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    for each in spread:
        assert each["labelSelector"]["matchLabels"].items() <= labels_of(DEPLOYMENT).items()
        assert each["matchLabelKeys"] == ["pod-template-hash"]
        assert each["whenUnsatisfiable"] == "ScheduleAnyway", "a single node serves, too"


def test_the_pods_of_a_node_that_went_away_are_made_elsewhere_within_a_minute() -> None:
    tolerated = {
        each["key"]: each["tolerationSeconds"] for each in spec_of(DEPLOYMENT)["tolerations"]
    }
    # Kubernetes needs 40 s more to find out; its own 300 s leave one of two replicas alone
    assert tolerated == {
        "node.kubernetes.io/not-ready": 30,
        "node.kubernetes.io/unreachable": 30,
    }


def labels_of(document: dict[str, Any]) -> dict[str, str]:
    return dict(document["template"]["metadata"]["labels"])


def test_the_deployment_selects_its_pods() -> None:
    selected = DEPLOYMENT["selector"]["matchLabels"]
    assert selected.items() <= labels_of(DEPLOYMENT).items()
    assert not selected.items() <= labels_of(JOB).items(), "it would end the pod of a Job"


def test_nothing_that_selects_serving_pods_selects_that_of_a_job() -> None:
    assert not pods.serving("auth").items() <= labels_of(JOB).items()
    assert pods.labels("auth").items() <= labels_of(JOB).items(), "a reader of logs selects it"


@EITHER
def test_the_last_lines_of_a_container_that_fails_are_in_its_status(
    document: dict[str, Any],
) -> None:
    assert container_of(document)["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_a_job_runs_its_command_and_never_longer_than_its_time() -> None:
    assert container_of(JOB)["command"] == ["python", "-m", "auth", "migrate"]
    assert spec_of(JOB)["restartPolicy"] == "Never"
    assert (JOB["backoffLimit"], JOB["activeDeadlineSeconds"]) == (1, 300)
    assert "livenessProbe" not in container_of(JOB), "a migration answers no request"


@pytest.mark.parametrize(
    "change",
    [
        {"image": f"registry.test/auth@sha256:{'b' * 64}"},
        {"revision": "def5678"},
        {"secrets": "auth-99999999"},
        {"variables": {"AUTH_ISSUER": "https://other.test"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_a_release_changes_its_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(dataclasses.replace(POD, **change)) != fingerprint(POD)


def test_a_pod_names_its_sources_and_its_template() -> None:
    assert DEPLOYMENT["template"]["metadata"]["annotations"] == {
        pods.REVISION: "abc1234",
        pods.FINGERPRINT: "0a1b2c3d",
    }


def test_the_order_of_variables_changes_no_fingerprint() -> None:
    one = dataclasses.replace(POD, variables={"A": "1", "B": "2"}, secret_names=["C", "D"])
    other = dataclasses.replace(POD, variables={"B": "2", "A": "1"}, secret_names=["D", "C"])
    assert fingerprint(one) == fingerprint(other)


def test_a_digest_is_of_the_content_and_not_of_its_order() -> None:
    assert pods.digest({"a": 1, "b": 2}) == pods.digest({"b": 2, "a": 1})
    assert pods.digest({"a": 1}) != pods.digest({"a": 2})


def test_a_rollout_of_more_pods_has_more_time() -> None:
    two, six = (pods.rollout_seconds(POD.health, most=most) for most in (2, 6))
    assert pods.progress_seconds(POD.health) < two < six


def test_only_the_balancer_and_the_nodes_reach_a_pod_and_at_its_port_alone() -> None:
    (rule,) = pods.policy("auth", 8000, clients=["10.0.1.0/24", "10.0.4.0/24"])["ingress"]
    assert [each["ipBlock"]["cidr"] for each in rule["from"]] == ["10.0.1.0/24", "10.0.4.0/24"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]


def test_no_pod_of_the_service_reaches_the_metadata_of_its_node() -> None:
    policy = pods.policy("auth", 8000, clients=[])
    blocks = [to["ipBlock"] for rule in policy["egress"] for to in rule.get("to", ())]
    assert blocks == [{"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["podSelector"]["matchLabels"].items() <= labels_of(JOB).items(), "a Job's, too"


def test_another_pod_is_started_by_the_processor_time_of_a_pod() -> None:
    scaling = pods.scaling("auth", least=2, most=6)
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (2, 6)
    assert scaling["scaleTargetRef"]["name"] == "auth"
    (metric,) = scaling["metrics"]
    # a share of the request would be far below what a pod can do
    assert metric["resource"]["target"]["type"] == "AverageValue"
