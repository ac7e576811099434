"""The workload on a recording engine: the objects of a service in a cluster."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import attempts, entrance, observed_workload, person, pods
from components.cluster_api import UnreachableError
from components.cluster_plan import Certificate, Replicas
from components.entrance import Entrance
from components.image import Login, Registry
from components.observed_workload import CAUSE, ObservedWorkload
from components.planned_release import PLANNED
from components.workload import Workload, WorkloadArgs
from tests.unit.conftest import Program, Recording, plain

Up = Callable[[Program], Recording]
IMAGE = f"registry.test/auth@sha256:{'a' * 64}"
SECRETS = ("of-the-signing-key", "of-the-registry", "of-the-certificate", "of-the-marks")
FAILED = {"type": "Failed", "status": "True"}
ORACLE = "service.beta.kubernetes.io/oci-load-balancer"


def secret(value: str) -> pulumi.Output[str]:
    return pulumi.Output.secret(value)


def make(
    up: Up,
    *,
    least: int = 2,
    most: int = 2,
    is_https: bool = False,
    key: str = "of-the-certificate",
    signing_key: str = "of-the-signing-key",
    **changes: Any,
) -> Recording:
    def program() -> None:
        login = Login(username="acme", password=secret("of-the-registry"))
        certificate = Certificate(chain="chain", key=secret(key)) if is_https else None
        args = WorkloadArgs(
            cluster_id="ocid1.cluster",
            kubeconfig="{}",
            image=IMAGE,
            revision="abc1234",
            registry=Registry(repository="registry.test/auth", push=login, pull=login),
            port=8000,
            environment={"AUTH_ISSUER": "https://auth.test"},
            secrets={"AUTH_SIGNING_KEY": secret(signing_key)},
            uid=10001,
            replicas=Replicas(least=least, most=most),
            migration=("python", "-m", "auth", "migrate"),
            entrance=Entrance(
                subnet_id="subnet", nsg_id="nsg", address="192.0.2.7", certificate=certificate
            ),
            clients=("10.0.1.0/24", "10.0.4.0/24"),
            mark_key=secret("of-the-marks"),
        )
        Workload("auth", dataclasses.replace(args, **changes))

    return up(program)


def observe(
    monkeypatch: pytest.MonkeyPatch, state: ObservedWorkload | UnreachableError | None
) -> None:
    async def read(*_: object) -> ObservedWorkload | None:
        await asyncio.sleep(0)
        if isinstance(state, UnreachableError):
            raise state
        return state

    monkeypatch.setattr(observed_workload, "read", read)


def annotations(recorded: Recording, name: str = "auth-deployment") -> dict[str, str]:
    return dict(recorded[name]["metadata"]["annotations"])


def name(recorded: Recording, resource: str) -> str:
    return str(recorded[resource]["metadata"]["name"])


def fingerprint(recorded: Recording) -> str:
    template = recorded["auth-deployment"]["spec"]["template"]
    return str(template["metadata"]["annotations"][pods.FINGERPRINT])


def test_a_release_runs_after_its_migration_and_what_both_need(up: Up) -> None:
    recorded = make(up)
    needed = {"auth-account", "auth-registry", "auth-secrets"}
    assert needed <= recorded.awaited["auth-migration"]
    assert {*needed, "auth-migration"} <= recorded.awaited["auth-deployment"]


def test_the_namespace_takes_pods_of_the_profile_restricted_alone(up: Up) -> None:
    labels = make(up)["auth-namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_token_of_the_cluster_is_made_for_the_service(up: Up) -> None:
    assert make(up)["auth-account"]["automountServiceAccountToken"] is False


def test_a_secret_has_the_value_in_a_file_of_its_name_and_nothing_else_has(up: Up) -> None:
    recorded = make(up, is_https=True)
    assert plain(recorded["auth-secrets"]["stringData"]) == {
        "AUTH_SIGNING_KEY": "of-the-signing-key"
    }
    others = {
        key: args.inputs
        for key, args in recorded.registered.items()
        if not args.typ.endswith(":Secret")
    }
    assert "kubernetes:apps/v1:Deployment auth-deployment" in others
    text = json.dumps(others, default=str)
    assert [value for value in SECRETS if value in text] == [], "readers of a preview see these"


def test_readers_see_a_mark_in_the_place_of_each_variables_value(up: Up) -> None:
    shown = make(up)["auth"]["environment"]
    assert shown.keys() == {"AUTH_ISSUER"}
    assert shown["AUTH_ISSUER"].startswith("not shown, mark ")


def test_a_value_that_nothing_else_marks_as_a_secret_is_one_here(up: Up) -> None:
    recorded = make(up, secrets={"AUTH_DATABASE_URL": "a value"})
    assert plain(recorded["auth-secrets"]["stringData"]) == {"AUTH_DATABASE_URL": "a value"}


def test_another_secret_has_another_name_and_makes_another_release(up: Up) -> None:
    one, other = make(up), make(up, signing_key="another")
    assert name(one, "auth-secrets") != name(other, "auth-secrets")
    assert fingerprint(one) != fingerprint(other)
    volumes = other["auth-deployment"]["spec"]["template"]["spec"]["volumes"]
    named = [each["secret"]["secretName"] for each in volumes if "secret" in each]
    assert named == [name(other, "auth-secrets")]


def test_a_secret_with_a_name_of_its_content_stays_as_it_is(up: Up) -> None:
    recorded = make(up, is_https=True)
    assert recorded["auth-secrets"]["immutable"] is True
    assert recorded["auth-certificate"]["immutable"] is True
    assert recorded["auth-registry"]["immutable"] is False, "its name stays for another password"


def test_a_secret_of_releases_alone_outlives_the_program_that_made_it(up: Up) -> None:
    retained = make(up, is_https=True).retained
    assert retained == {"auth-secrets"}, "no earlier release needs another password or certificate"


def test_a_rollout_that_is_over_deletes_the_secrets_that_no_release_needs(up: Up) -> None:
    hooks = make(up).hooks["auth-deployment"]
    assert [hook.partition("_")[2] for hook in hooks] == [
        "auth-deployment_after_create_0",
        "auth-deployment_after_update_0",
    ]


def test_an_unchanged_program_plans_the_same_release(up: Up) -> None:
    one, other = make(up), make(up)
    assert fingerprint(one) == fingerprint(other)
    assert name(one, "auth-migration") == name(other, "auth-migration")
    assert annotations(one) == annotations(other)


def test_another_image_migrates_again(up: Up) -> None:
    other = make(up, image=f"registry.test/auth@sha256:{'b' * 64}")
    assert name(make(up), "auth-migration") != name(other, "auth-migration")


def test_a_failed_migration_is_run_again_under_another_name(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = name(make(up), "auth-migration")
    job = {"metadata": {"name": first}, "status": {"conditions": [FAILED]}}

    async def read(_: str, service: str) -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        return [job] if service == "auth" else []

    monkeypatch.setattr(attempts, "read", read)
    assert name(make(up), "auth-migration") == f"{first}-2"


def test_the_first_release_has_the_number_1_and_its_person(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person, "current", lambda: "ada")
    planned = annotations(make(up))
    assert (planned[PLANNED], planned[CAUSE]) == ("1", "abc1234 by ada")


def test_an_unchanged_release_keeps_its_number_and_cause_for_another_person(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = ObservedWorkload(number=7, fingerprint=fingerprint(make(up)), cause="abc1234 by ada")
    observe(monkeypatch, live)
    monkeypatch.setattr(person, "current", lambda: "bob")
    planned = annotations(make(up))
    assert (planned[PLANNED], planned[CAUSE]) == ("7", "abc1234 by ada")


def test_a_changed_release_has_the_next_number_and_the_person_who_runs_the_program(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe(monkeypatch, ObservedWorkload(number=7, fingerprint="other", cause="0000000 by ada"))
    monkeypatch.setattr(person, "current", lambda: "bob")
    planned = annotations(make(up))
    assert (planned[PLANNED], planned[CAUSE]) == ("8", "abc1234 by bob")


@pytest.mark.parametrize(
    ("state", "warning"),
    [
        (UnreachableError("it sleeps"), "gives no answer about its releases (it sleeps)"),
        (
            ObservedWorkload(number=7, fingerprint="", cause="", serving=6, problem="it crashes"),
            "Release 7 does not serve (it crashes)",
        ),
    ],
    ids=["no answer", "does not serve"],
)
def test_a_preview_warns_of_what_it_cannot_show(
    up: Up,
    monkeypatch: pytest.MonkeyPatch,
    state: ObservedWorkload | UnreachableError,
    warning: str,
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: warnings.append(text))
    observe(monkeypatch, state)
    make(up)
    assert [text for text in warnings if warning in text] == warnings
    assert len(warnings) == 1


def test_the_fields_of_a_rollback_are_taken_back(up: Up) -> None:
    assert annotations(make(up))["pulumi.com/patchForce"] == "true"


def test_an_update_waits_longer_than_kubernetes_for_a_rollout(up: Up) -> None:
    recorded = make(up, most=6)
    seconds = int(annotations(recorded)["pulumi.com/timeoutSeconds"])
    assert seconds > recorded["auth-deployment"]["spec"]["progressDeadlineSeconds"]


def test_a_fixed_number_of_replicas_has_no_autoscaler(up: Up) -> None:
    recorded = make(up, least=3, most=3)
    assert "auth-autoscaler" not in recorded.names
    assert recorded["auth-deployment"]["spec"]["replicas"] == 3
    assert "spec.replicas" not in recorded.ignored["auth-deployment"]


def test_the_autoscaler_has_the_number_of_replicas_for_itself(up: Up) -> None:
    recorded = make(up, least=2, most=6)
    assert recorded["auth-autoscaler"]["spec"]["maxReplicas"] == 6
    assert "spec.replicas" in recorded.ignored["auth-deployment"], "an update would end pods"


def test_a_drain_of_nodes_takes_one_serving_pod_at_a_time(up: Up) -> None:
    budget = make(up)["auth-disruption-budget"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == {"matchLabels": pods.serving("auth")}
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_network_policy_lets_in_the_balancer_and_the_nodes(up: Up) -> None:
    (rule,) = make(up)["auth-network-policy"]["spec"]["ingress"]
    blocks = [each["ipBlock"]["cidr"] for each in rule["from"]]
    assert blocks == ["10.0.1.0/24", "10.0.4.0/24"]


def test_the_balancer_asks_serving_pods_on_its_node_alone(up: Up) -> None:
    spec = make(up)["auth-service"]["spec"]
    assert spec["type"] == "LoadBalancer"
    assert spec["loadBalancerIP"] == "192.0.2.7"
    assert spec["selector"] == pods.serving("auth")
    assert spec["externalTrafficPolicy"] == "Local"


def test_without_a_certificate_the_balancer_serves_plain_http(up: Up) -> None:
    recorded = make(up)
    ports = recorded["auth-service"]["spec"]["ports"]
    assert [(each["port"], each["targetPort"]) for each in ports] == [(80, 8000)]
    its_annotations = annotations(recorded, "auth-service")
    assert f"{ORACLE}-ssl-ports" not in its_annotations
    assert f"{ORACLE}-tls-secret" not in its_annotations
    assert "auth-certificate" not in recorded.names


def test_with_a_certificate_tls_ends_at_the_balancer(up: Up) -> None:
    recorded = make(up, is_https=True)
    ports = recorded["auth-service"]["spec"]["ports"]
    assert [(each["port"], each["targetPort"]) for each in ports] == [(80, 8000), (443, 8000)]
    its_annotations = annotations(recorded, "auth-service")
    assert its_annotations[f"{ORACLE}-ssl-ports"] == "443"
    assert its_annotations[f"{ORACLE}-tls-secret"] == name(recorded, "auth-certificate")
    assert plain(recorded["auth-certificate"]["stringData"]) == {
        "tls.crt": "chain",
        "tls.key": "of-the-certificate",
    }
    assert "auth-certificate" in recorded.awaited["auth-service"]


def test_a_renewed_certificate_has_another_name_and_no_new_release(up: Up) -> None:
    one, other = make(up, is_https=True), make(up, is_https=True, key="renewed")
    assert name(one, "auth-certificate") != name(other, "auth-certificate")
    assert fingerprint(one) == fingerprint(other)


def test_the_balancer_is_in_its_subnet_and_behind_the_programs_own_rules() -> None:
    known = entrance.annotations(subnet_id="subnet", nsg_id="nsg", tls_secret="")
    assert known[f"{ORACLE}-subnet1"] == "subnet"
    assert known["oci.oraclecloud.com/oci-network-security-groups"] == "nsg"
    assert known["oci.oraclecloud.com/security-rule-management-mode"] == "None"
