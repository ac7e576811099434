"""The releases of a stack on a cluster: the ReplicaSets of the Deployment, by its revisions."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.observed_workload import (
    CAUSE,
    COMPLETE,
    NUMBER,
    Rollback,
    condition,
    failed_numbers,
)
from components.pods import REVISION
from stack.cluster import objects
from stack.cluster.api import Api, MissingObjectError

_DEADLINE = "ProgressDeadlineExceeded"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release, with the pods that it has now."""

    number: int
    former_numbers: tuple[int, ...]  # that it had before it was released again
    outcome: str  # live, replaced, started or failed
    image: str
    revision: str
    fingerprint: str
    by: str
    cause: str  # the person of its first number
    at: str
    seconds: float | None  # until all pods were ready, of the newest release alone
    note: str
    wanted: int
    ready: int
    replica_set: Mapping[str, Any]

    def public(self) -> dict[str, Any]:
        """Return the release as a server's history does, with the number of its pods."""
        return {
            "release": self.number,
            "service": objects.SERVICE,
            "image": self.image,
            "revision": self.revision,
            "fingerprint": self.fingerprint,
            "outcome": self.outcome,
            "by": self.by,
            "person": self.by,
            "at": self.at,
            "seconds": self.seconds,
            "note": self.note,
            "ready": self.ready,
            "wanted": self.wanted,
        }


@dataclass(frozen=True, kw_only=True)
class Releases:
    """The releases, newest first, and the state of the newest one's rollout."""

    deployment: Mapping[str, Any]
    all: Sequence[Release]

    @property
    def live(self) -> Release | None:
        return next((each for each in self.all if each.outcome == "live"), None)

    @property
    def newest(self) -> Release | None:
        return self.all[0] if self.all else None

    @property
    def under_way(self) -> Release | None:
        """The newest release while its pods begin."""
        newest = self.newest
        return newest if newest and newest.outcome == "started" else None

    @property
    def failed(self) -> Release | None:
        """The newest release, if its pods were not ready within the deadline."""
        newest = self.newest
        return newest if newest and newest.outcome == "failed" else None


def read(api: Api) -> Releases:
    """Read the releases; there are none without a Deployment."""
    with ThreadPoolExecutor(1) as beside:
        replica_sets = beside.submit(api.items, objects.REPLICA_SETS, labelSelector=objects.LABEL)
        try:
            deployment = api.get(objects.DEPLOYMENT)
        except MissingObjectError:
            return Releases(deployment={}, all=[])
    return of(deployment, replica_sets.result())


def of(deployment: Mapping[str, Any], replica_sets: Iterable[Mapping[str, Any]]) -> Releases:
    """Return the releases of a Deployment.

    Live is the release with the most ready pods, the newest of several; during a rollout it is the
    earlier one until all of its pods are replaced.
    """
    own = [
        each
        for each in replica_sets
        if any(
            owner["uid"] == deployment["metadata"]["uid"]
            for owner in each["metadata"].get("ownerReferences") or ()
        )
    ]
    newest_first = sorted(own, key=_number, reverse=True)
    numbers = [_number(each) for each in newest_first]
    progress = _progress(deployment)
    applied_at = _applied_at(deployment)
    live = _live_number(deployment, newest_first)
    outcomes = _earlier_outcomes(deployment, newest_first)
    if numbers:
        outcomes[numbers[0]] = "failed" if progress.get("reason") == _DEADLINE else "started"
    outcomes[live] = "live"
    return Releases(
        deployment=deployment,
        all=[
            _release(
                each,
                outcomes[_number(each)],
                progress,
                # of an earlier release nobody knows it
                applied_at if each is newest_first[0] else "",
            )
            for each in newest_first
        ],
    )


def _earlier_outcomes(
    deployment: Mapping[str, Any], replica_sets: Iterable[Mapping[str, Any]]
) -> dict[int, str]:
    """Return the outcomes by number: the program remembers which releases did not serve."""
    failed = set(failed_numbers(deployment["metadata"].get("annotations") or {}))
    return {
        number: "failed" if number in failed else "replaced"
        for number in map(_number, replica_sets)
    }


def _live_number(deployment: Mapping[str, Any], newest_first: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of the live release; 0 if no pod serves and none has served."""
    serving = [each for each in newest_first if _ready(each)]
    if not newest_first or _is_complete(deployment):
        return _number(newest_first[0]) if newest_first else 0
    if not serving:
        return 0
    earlier = [each for each in serving if each is not newest_first[0]]
    return _number(max(earlier or serving, key=_ready))


def _is_complete(deployment: Mapping[str, Any]) -> bool:
    """Check whether the newest release took over; it may have lost its pods since."""
    status = deployment.get("status") or {}
    return bool(
        status.get("observedGeneration") == deployment["metadata"]["generation"]
        and _progress(deployment).get("reason") == COMPLETE
    )


def _progress(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    return condition(deployment.get("status") or {}, "Progressing")


def _number(replica_set: Mapping[str, Any]) -> int:
    annotations = replica_set["metadata"].get("annotations") or {}
    return int(annotations.get(NUMBER, 0))


def _ready(replica_set: Mapping[str, Any]) -> int:
    return int((replica_set.get("status") or {}).get("readyReplicas", 0))


def _applied_at(deployment: Mapping[str, Any]) -> str:
    """Return the time at which the program changed the Deployment last; empty if it never did."""
    entries = deployment["metadata"].get("managedFields") or ()
    return max((each["time"] for each in entries if each["operation"] == "Apply"), default="")


def _release(
    replica_set: Mapping[str, Any], outcome: str, progress: Mapping[str, Any], applied_at: str
) -> Release:
    metadata, spec = replica_set["metadata"], replica_set["spec"]
    annotations = metadata.get("annotations") or {}
    template = spec["template"]
    number = _number(replica_set)
    rollback = Rollback.read(annotations, number)
    revision = (template["metadata"].get("annotations") or {}).get(REVISION, "")
    cause = annotations.get(CAUSE, "").partition(" by ")[2]
    former_numbers = _numbers(annotations.get(objects.FORMER_NUMBERS, ""))
    at = rollback.at if rollback else metadata["creationTimestamp"]
    if former_numbers and not rollback:
        at = applied_at  # the ReplicaSet is as old as its first number
    is_complete = bool(at) and outcome == "live" and progress.get("reason") == COMPLETE
    return Release(
        number=number,
        former_numbers=former_numbers,
        outcome=outcome,
        image=container(template["spec"])["image"],
        revision=revision,
        fingerprint=metadata["labels"].get(objects.TEMPLATE_HASH, ""),
        by=rollback.by if rollback else cause,
        cause=cause,
        at=at,
        seconds=_seconds(at, progress["lastUpdateTime"]) if is_complete else None,
        note=f"rollback to release {rollback.of}" if rollback else "",
        wanted=int(spec.get("replicas", 0)),
        ready=_ready(replica_set),
        replica_set=replica_set,
    )


def container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the service's container of a pod's `spec`."""
    containers = pod["containers"]
    return next((each for each in containers if each["name"] == objects.SERVICE), containers[0])


def moment(seconds: float) -> str:
    """Return the text of a moment as the cluster writes it: RFC 3339, in UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(",") if word.isdigit())


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
