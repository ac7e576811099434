"""The reasons of pods and nodes that are not ready, and the newest migration."""

from typing import Any

import pytest

from stack.cluster import objects, pods

LINES = "Traceback:\n  x\nRuntimeError: broken\n"
ENDED = {"exitCode": 3, "finishedAt": "2026-11-28T02:10:00Z", "message": LINES}
PULL = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/2 nodes are available: 2 Insufficient memory.",
}


def pod(*, state: dict[str, Any] | None = None, ready: bool = False, **fields: Any) -> Any:
    status: dict[str, Any] = {"phase": "Pending", "conditions": []}
    status["conditions"] = [{"type": "Ready", "status": str(ready)}, *fields.get("conditions", ())]
    if state is not None:
        own = {"name": "auth", "state": state, "restartCount": fields.get("restarts", 0)}
        status["containerStatuses"] = [{**own, "lastState": fields.get("last", {})}]
    labels = {objects.TEMPLATE_HASH: fields.get("fingerprint", "hash1")}
    return {
        "metadata": {
            "name": fields.get("name", "auth-1-x"),
            "creationTimestamp": "2026-11-28T02:00:00Z",
            "labels": labels if labels[objects.TEMPLATE_HASH] else {},
            **fields.get("metadata", {}),
        },
        "spec": {"nodeName": "10.0.1.3", "containers": [{"name": "auth"}]},
        "status": status,
    }


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (pod(state={"waiting": PULL}), 'ImagePullBackOff: Back-off pulling image "x"'),
        (pod(state={"running": {}}), "runs, and is not ready yet"),
        (pod(state={"terminated": {"reason": "Error", "exitCode": 3}}), "Error, exit code 3"),
        (
            pod(state={"terminated": {"reason": "Error", "exitCode": 3, "message": LINES}}),
            "Error, exit code 3; its last line: RuntimeError: broken",
        ),
        (
            pod(state={"waiting": PULL}, last={"terminated": ENDED}),
            'ImagePullBackOff: Back-off pulling image "x"; its last line: RuntimeError: broken',
        ),
        (pod(conditions=[UNSCHEDULABLE]), f"Unschedulable: {UNSCHEDULABLE['message']}"),
        (pod(state={"running": {}}, metadata={"deletionTimestamp": "soon"}), "ending"),
        (pod(ready=True, metadata={"deletionTimestamp": "soon"}), "ending"),
        (pod(), "Pending"),
    ],
    ids=[
        "image",
        "probe",
        "end",
        "line",
        "again",
        "room",
        "deleted",
        "deleted, still ready",
        "new",
    ],
)
def test_a_pod_that_is_not_ready_has_the_reason(given: Any, reason: str) -> None:
    read = pods.Pod.read(given)

    assert (read.ready, read.reason) == (False, reason)


def test_a_release_fails_by_the_reason_of_a_pod_that_stays() -> None:
    ending = pod(ready=True, name="a", metadata={"deletionTimestamp": "soon"})
    other = pod(state={"running": {}}, name="b", fingerprint="hash2")
    own = pods.of_releases([ending, pod(state={"waiting": PULL}, name="c"), other])

    assert pods.reason(own, "hash1") == f"ImagePullBackOff: {PULL['message']}"
    assert pods.reason(pods.of_releases([ending]), "hash1") == "ending"
    assert pods.reason([], "hash1") == ""


def test_the_last_end_of_a_restarted_container_is_named() -> None:
    ended = {"terminated": {"reason": "OOMKilled", "finishedAt": "2026-11-28T02:10:00Z"}}

    read = pods.Pod.read(pod(state={"running": {}}, ready=True, restarts=2, last=ended))

    assert (read.ready, read.restarts) == (True, 2)
    assert read.last_end == "OOMKilled at 2026-11-28T02:10:00Z"


def test_the_pods_of_a_migration_are_none_of_a_release() -> None:
    of_job = pod(name="auth-migrate-1", fingerprint="")

    assert [each.name for each in pods.of_releases([of_job, pod()])] == ["auth-1-x"]


@pytest.mark.parametrize(
    ("ready", "cordoned", "reason"),
    [
        ("True", False, ""),
        ("True", True, "takes no new pods: it is drained or cordoned"),
        ("Unknown", True, "not ready: Kubelet stopped posting node status."),
    ],
)
def test_a_node_that_takes_no_pods_has_the_reason(ready: str, cordoned: bool, reason: str) -> None:
    message = "Kubelet stopped posting node status."
    node = {
        "metadata": {"name": "10.0.1.3", "labels": {"topology.kubernetes.io/zone": "AD-1"}},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {
            "conditions": [{"type": "Ready", "status": ready, "message": message}],
            "nodeInfo": {"kubeletVersion": "v1.34.4"},
        },
    }

    assert pods.Node.read(node).reason == reason


def job(name: str, at: str, *conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": at},
        "status": {"conditions": list(conditions)},
    }


def test_the_newest_migration_counts_with_its_outcome() -> None:
    late = {
        "type": "Failed",
        "status": "True",
        "message": "Job was active longer than its deadline",
    }
    done = {"type": "Complete", "status": "True"}
    first, second = (
        job("auth-migrate-a", "2026-11-28T01:00:00Z", done),
        job("auth-migrate-b", "2026-11-28T02:00:00Z", late),
    )

    other = job("auth-database-c", "2026-11-28T03:00:00Z", done)

    newest = pods.newest_migration([second, other, first], [])

    assert newest
    assert (newest.name, newest.outcome, newest.reason) == (
        "auth-migrate-b",
        "failed",
        late["message"],
    )
    assert pods.newest_migration([first], []) == pods.Migration(
        name="auth-migrate-a", outcome="succeeded", at="2026-11-28T01:00:00Z", reason=""
    )
    assert pods.newest_migration([], []) is None


def test_a_migration_that_failed_has_the_last_line_of_its_pods() -> None:
    failed = {"type": "Failed", "status": "True", "message": "reached the backoff limit"}
    of_job, of_other = (
        pod(
            state={"terminated": {"reason": "Error", "exitCode": 1, "message": line}},
            metadata={"labels": {"batch.kubernetes.io/job-name": name}},
        )
        for name, line in (("auth-migrate-b", LINES), ("auth-migrate-a", "of another Job"))
    )

    newest = pods.newest_migration(
        [job("auth-migrate-b", "2026-11-28T02:00:00Z", failed)], [of_other, of_job]
    )

    assert newest
    assert newest.reason == "RuntimeError: broken"


def test_the_newest_attempt_of_a_migration_counts() -> None:
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the backoff limit"}
    done = {"type": "Complete", "status": "True"}
    jobs = [
        job("auth-migrate-a-9", "2026-11-28T01:00:00Z", failed),
        job("auth-migrate-a-10", "2026-11-28T02:00:00Z", done),
    ]

    newest = pods.newest_migration(jobs, [])

    assert newest
    assert (newest.name, newest.outcome) == ("auth-migrate-a-10", "succeeded")
