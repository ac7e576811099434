"""The observed state of a workload, from the objects that the API of a cluster answers with."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml

from components import observed_workload, pods
from components.cluster_api import UnreachableError
from components.observed_workload import CAUSE, FAILED, NUMBER, ROLLBACK, Rollback
from tests.unit.loop import run

READ = observed_workload.read  # which other tests do without
ACT = {"release": 7, "of": 5, "by": "ada", "at": "2026-11-28T02:10:00Z"}
TIMED_OUT = "ReplicaSet has timed out progressing."
WAITING: dict[str, Any] = {"reason": "ReplicaSetUpdated", "message": "1 of 2 are updated."}
TIMEOUT: dict[str, Any] = {"reason": "ProgressDeadlineExceeded", "message": TIMED_OUT}


def deployment(number: int = 7, **progress: Any) -> dict[str, Any]:
    progress = progress or {"reason": "NewReplicaSetAvailable", "message": "It is there."}
    return {
        "metadata": {"annotations": {NUMBER: str(number), CAUSE: "abc1234 by ada"}},
        "spec": {"template": {"metadata": {"annotations": {pods.FINGERPRINT: "0a1b2c3d"}}}},
        "status": {
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
                {"type": "Progressing", "status": "True", **progress},
            ]
        },
    }


def replica_set(number: int, ready: int) -> dict[str, Any]:
    return {
        "metadata": {
            "annotations": {NUMBER: str(number)},
            "labels": {"pod-template-hash": f"hash-{number}"},
        },
        # the API leaves out a number that is 0
        "status": {"readyReplicas": ready} if ready else {},
    }


def pod(number: int, **status: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"pod-template-hash": f"hash-{number}"}}, "status": status}


def waiting(reason: str, message: str = "", *, exit_code: int | None = None) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    last = {} if exit_code is None else {"terminated": {"exitCode": exit_code}}
    return pod(7, containerStatuses=[{"name": "auth", "state": state, "lastState": last}])


def problem(*all_pods: dict[str, Any]) -> str:
    observed = observed_workload.of(
        deployment(**TIMEOUT), [replica_set(6, 2), replica_set(7, 0)], all_pods
    )
    assert observed.serving == 6
    return observed.problem


def test_a_complete_release_serves_itself() -> None:
    observed = observed_workload.of(deployment(), [replica_set(6, 0), replica_set(7, 2)], [])
    assert (observed.number, observed.fingerprint) == (7, "0a1b2c3d")
    assert observed.cause == "abc1234 by ada"
    assert (observed.serving, observed.problem, observed.rollback) == (None, "", None)


def test_a_pod_of_the_former_release_that_still_ends_serves_in_no_place() -> None:
    observed = observed_workload.of(deployment(), [replica_set(6, 1), replica_set(7, 2)], [])
    assert observed.serving is None


def test_the_first_release_has_none_before_it() -> None:
    observed = observed_workload.of(deployment(1, **TIMEOUT), [replica_set(1, 0)], [])
    assert (observed.number, observed.serving) == (1, None)


def test_the_newest_of_the_former_releases_serves_during_a_rollout() -> None:
    sets = [replica_set(9, 1), replica_set(10, 1), replica_set(11, 0)]
    observed = observed_workload.of(deployment(11, **WAITING), sets, [])
    assert observed.serving == 10, "9 is less than 10, also as text"


def test_a_former_release_without_a_ready_pod_serves_in_no_place() -> None:
    sets = [replica_set(6, 0), replica_set(7, 0)]
    assert observed_workload.of(deployment(**TIMEOUT), sets, []).serving is None


def test_a_release_with_some_ready_pods_does_not_serve_in_its_own_place() -> None:
    sets = [replica_set(6, 1), replica_set(7, 1)]
    assert observed_workload.of(deployment(**WAITING), sets, []).serving == 6


def test_an_image_that_cannot_be_pulled_is_a_problem() -> None:
    found = problem(waiting("ImagePullBackOff", "unauthorized"))
    assert found == "ImagePullBackOff: unauthorized"


def test_a_crash_is_a_problem_with_its_exit_code() -> None:
    found = problem(waiting("CrashLoopBackOff", "back-off 10s", exit_code=2))
    assert found == "CrashLoopBackOff: back-off 10s, after exit code 2"


def test_a_crash_is_a_problem_with_the_last_line_of_its_container() -> None:
    crashed = waiting("CrashLoopBackOff", "back-off 10s", exit_code=2)
    (own,) = crashed["status"]["containerStatuses"]
    own["lastState"]["terminated"]["message"] = "Traceback:\n  x\nRuntimeError: broken\x1b[2J\n\n"

    assert problem(crashed).endswith("after exit code 2: RuntimeError: broken\\x1b[2J")


@pytest.mark.parametrize("kind", ["PodScheduled", "Ready"])
def test_a_condition_that_is_not_met_is_a_problem(kind: str) -> None:
    condition = {"type": kind, "status": "False", "message": "0/2 nodes are available"}
    assert problem(pod(7, conditions=[condition])) == "0/2 nodes are available"


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_a_container_that_begins_is_no_problem_of_its_own(reason: str) -> None:
    assert problem(waiting(reason)) == TIMED_OUT


def test_a_pod_of_another_release_has_no_say() -> None:
    other = pod(6, conditions=[{"type": "Ready", "status": "False", "message": "it ends"}])
    job = {"metadata": {"labels": {}}, "status": other["status"]}
    assert problem(other, job) == TIMED_OUT


def test_a_ready_pod_hides_no_problem_of_another() -> None:
    condition = {"type": "Ready", "status": "True", "reason": "AllIsWell"}
    ready = pod(7, conditions=[condition])
    assert problem(ready, waiting("ErrImagePull")) == "ErrImagePull"


def test_a_rollback_is_that_of_its_own_release_alone() -> None:
    rolled_back = deployment()
    rolled_back["metadata"]["annotations"][ROLLBACK] = json.dumps(ACT)
    assert observed_workload.of(rolled_back, [], []).rollback == Rollback(
        release=7, of=5, by="ada", at="2026-11-28T02:10:00Z"
    )
    rolled_back["metadata"]["annotations"][NUMBER] = "8"
    assert observed_workload.of(rolled_back, [], []).rollback is None


def test_a_template_of_another_program_has_no_fingerprint() -> None:
    foreign = deployment()
    foreign["spec"]["template"]["metadata"] = {"labels": {}}
    del foreign["metadata"]["annotations"][CAUSE]
    observed = observed_workload.of(foreign, [], [])
    assert (observed.fingerprint, observed.cause) == ("", "")


@pytest.mark.parametrize(("text", "numbers"), [("", ()), ("1 12", (1, 12)), ("1, x 3", (3,))])
def test_releases_that_did_not_serve_are_remembered(text: str, numbers: tuple[int, ...]) -> None:
    remembered = deployment()
    remembered["metadata"]["annotations"][FAILED] = text
    assert observed_workload.of(remembered, [], []).failed == numbers


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (
            "import sys; sys.exit('NotAuthenticated')",
            "makes no token for the cluster: NotAuthenticated",
        ),
        ("print('no token')", "JSONDecodeError"),
        ("print('{}')", "KeyError: 'status'"),
        (
            'print(\'{"status": {"token": "t", "expirationTimestamp": "2026-11-28T02:10:00Z"}}\')',
            "refused",
        ),
    ],
    ids=["it fails", "a text", "no status", "no cluster"],
)
def test_a_cluster_without_an_answer_is_named_with_the_reason(program: str, reason: str) -> None:
    authority = base64.b64encode(Path(certifi.where()).read_bytes()).decode()
    # nothing listens at the port 1
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": authority}
    command = {"command": sys.executable, "args": ["-c", program]}
    kubeconfig = yaml.safe_dump(
        {
            "current-context": "dev",
            "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "dev"}}],
            "clusters": [{"name": "dev", "cluster": cluster}],
            "users": [{"name": "dev", "user": {"exec": command}}],
        }
    )
    with pytest.raises(UnreachableError, match=reason):
        run(READ(kubeconfig, "auth"))
