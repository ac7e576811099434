"""The pods, the nodes and the migration of a service on a cluster, as `make status` shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.observed_workload import condition, last_line
from stack.cluster import objects

_JOB = "batch.kubernetes.io/job-name"
_ZONE = "topology.kubernetes.io/zone"
_ENDING = "ending"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod of a release; `reason` is the cause why it is not ready, empty if it is."""

    name: str
    fingerprint: str  # of its release
    node: str
    at: str
    ready: bool
    reason: str
    restarts: int
    last_end: str  # of its container, such as `OOMKilled at 2026-11-28T02:10:00Z`

    @classmethod
    def read(cls, pod: Mapping[str, Any]) -> "Pod":
        metadata, status = pod["metadata"], pod.get("status") or {}
        own = _own_status(status)
        ended = ((own.get("lastState") or {}).get("terminated")) or {}
        # a pod that is deleted stays ready while it finishes its requests
        is_ending = "deletionTimestamp" in metadata
        ready = condition(status, "Ready").get("status") == "True" and not is_ending
        return cls(
            name=metadata["name"],
            fingerprint=(metadata.get("labels") or {}).get(objects.TEMPLATE_HASH, ""),
            node=pod["spec"].get("nodeName", ""),
            at=metadata["creationTimestamp"],
            ready=ready,
            reason="" if ready else _reason(pod, own),
            restarts=int(own.get("restartCount", 0)),
            last_end=f"{_end(ended)} at {ended['finishedAt']}" if ended else "",
        )


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of the cluster; `reason` is the cause why it takes no pods, empty if it does."""

    name: str
    zone: str
    version: str
    reason: str

    @classmethod
    def read(cls, node: Mapping[str, Any]) -> "Node":
        status = node["status"]
        ready = condition(status, "Ready")
        is_ready = ready.get("status") == "True"
        reason = "" if is_ready else f"not ready: {ready.get('message') or 'no answer of it'}"
        if is_ready and node["spec"].get("unschedulable"):
            reason = "takes no new pods: it is drained or cordoned"
        return cls(
            name=node["metadata"]["name"],
            zone=(node["metadata"].get("labels") or {}).get(_ZONE, ""),
            version=status["nodeInfo"]["kubeletVersion"],
            reason=reason,
        )


@dataclass(frozen=True, kw_only=True)
class Migration:
    """The newest Job that changed the database's tables before a release."""

    name: str
    outcome: str  # succeeded, failed or started
    at: str  # of its begin
    reason: str  # of a failure


def newest_migration(
    jobs: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]]
) -> Migration | None:
    """Return the newest of the Jobs that migrate, with the last line of its pods if it failed.

    The service has other Jobs, and other pods, too.
    """
    own = [each for each in jobs if each["metadata"]["name"].startswith(objects.MIGRATION)]
    if not own:
        return None
    job = max(own, key=lambda each: str(each["metadata"]["creationTimestamp"]))
    status = job.get("status") or {}
    failed = condition(status, "Failed")
    outcome = "succeeded" if condition(status, "Complete").get("status") == "True" else "started"
    if failed.get("status") == "True":
        outcome = "failed"
    return Migration(
        name=job["metadata"]["name"],
        outcome=outcome,
        at=job["metadata"]["creationTimestamp"],
        reason=_of_migration(job, failed, pods) if outcome == "failed" else "",
    )


def of_releases(pods: Sequence[Mapping[str, Any]]) -> list[Pod]:
    """Return the pods of the Deployment, oldest first; the pods of Jobs are others."""
    read = [Pod.read(each) for each in pods]
    return sorted((pod for pod in read if pod.fingerprint), key=lambda pod: (pod.at, pod.name))


def reason(own: Sequence[Pod], fingerprint: str) -> str:
    """Return the cause why a release's pods are not ready, empty without one.

    That of a pod which stays comes first.
    """
    causes = [pod.reason for pod in own if pod.fingerprint == fingerprint and pod.reason]
    return next((each for each in causes if each != _ENDING), causes[0] if causes else "")


def _of_migration(
    job: Mapping[str, Any], failed: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]
) -> str:
    name = job["metadata"]["name"]
    own = (each for each in pods if (each["metadata"].get("labels") or {}).get(_JOB) == name)
    for pod in sorted(own, key=lambda each: str(each["metadata"]["creationTimestamp"])):
        ended = (_own_status(pod.get("status") or {}).get("state") or {}).get("terminated") or {}
        if line := last_line(ended):
            return line
    return str(failed.get("message", ""))


def _own_status(status: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = status.get("containerStatuses") or ()
    return next((each for each in containers if each["name"] == objects.SERVICE), {})


def _reason(pod: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """Return the cause why a pod is not ready, in Kubernetes' own words as far as it has any."""
    if "deletionTimestamp" in pod["metadata"]:
        return _ENDING
    state = own.get("state") or {}
    if waiting := state.get("waiting"):
        return _with_line(_sentence(waiting), (own.get("lastState") or {}).get("terminated"))
    if ended := state.get("terminated"):
        return _with_line(_end(ended), ended)
    if "running" in state:
        return "runs, and is not ready yet"
    status = pod.get("status") or {}
    scheduled = condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return _sentence(scheduled)
    return str(status.get("reason") or status.get("phase") or "unknown")


def _sentence(state: Mapping[str, Any]) -> str:
    reason, message = state.get("reason", "waits"), state.get("message", "")
    return f"{reason}: {message}" if message else str(reason)


def _with_line(reason: str, ended: Mapping[str, Any] | None) -> str:
    line = last_line(ended or {})
    return f"{reason}; its last line: {line}" if line else reason


def _end(ended: Mapping[str, Any]) -> str:
    reason = ended.get("reason") or "Error"
    return reason if reason == "OOMKilled" else f"{reason}, exit code {ended.get('exitCode')}"
