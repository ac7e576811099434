"""The observed state of a workload: the cluster's answer about its releases, for a preview.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/
"""

import asyncio
import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components import pods
from components.cluster_api import ClusterApi, MissingObjectError, Object, UnreachableError
from host.auth_release.failures import visible

NUMBER = "deployment.kubernetes.io/revision"
CAUSE = "kubernetes.io/change-cause"  # "REVISION by PERSON"
ROLLBACK = "auth-on-oci/rollback"  # of the Deployment, a Rollback in JSON
# of the Deployment: the numbers of releases that did not serve, which Kubernetes does not remember
FAILED = "auth-on-oci/failed"
_COLUMNS = 300
COMPLETE = "NewReplicaSetAvailable"  # the reason of a rollout that is over


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """The act that made release `release` of an earlier release, by `make rollback`.

    Kubernetes copies the annotation to each later ReplicaSet. It is valid for the named release.
    """

    release: int
    of: int
    by: str
    at: str  # RFC 3339

    @classmethod
    def read(cls, annotations: Mapping[str, str], number: int) -> "Rollback | None":
        """Return the act that made release `number`, if it was a rollback."""
        try:
            document = json.loads(annotations.get(ROLLBACK, ""))
            act = cls(**{each.name: document[each.name] for each in dataclasses.fields(cls)})
        except (ValueError, LookupError, TypeError):
            return None
        return act if act.release == number else None

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class ObservedWorkload:
    """The newest release, and the release that serves in its place if the newest does not."""

    number: int  # as Kubernetes counts them
    fingerprint: str  # of the newest release's pod template
    cause: str  # "REVISION by PERSON"
    serving: int | None = None  # None: the newest
    problem: str = ""  # why the newest release does not serve
    rollback: Rollback | None = None  # that made the newest release
    failed: tuple[int, ...] = ()  # releases that did not serve, without the newest


async def read(kubeconfig: str, service: str) -> ObservedWorkload | None:
    """Return the observed state; None for a service that was never released.

    `kubeconfig` has a command that makes a token. Raise UnreachableError without an answer.
    """
    try:
        return await asyncio.to_thread(_read, kubeconfig, service)
    except (ValueError, LookupError) as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from None


def of(
    deployment: Object, replica_sets: Iterable[Object], all_pods: Iterable[Object]
) -> ObservedWorkload:
    """Return the observed state from the objects of Kubernetes' API."""
    annotations = deployment["metadata"]["annotations"]
    number = int(annotations[NUMBER])
    template = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    observed: dict[str, Any] = {
        "number": number,
        "fingerprint": template.get(pods.FINGERPRINT, ""),
        "cause": annotations.get(CAUSE, ""),
        "rollback": Rollback.read(annotations, number),
        "failed": failed_numbers(annotations),
    }
    progress = condition(deployment.get("status") or {}, "Progressing")
    own = {each["metadata"]["annotations"][NUMBER]: each for each in replica_sets}
    earlier = [
        int(its_number)
        for its_number, each in own.items()
        if int(its_number) < number and (each.get("status") or {}).get("readyReplicas")
    ]
    if progress.get("reason") == COMPLETE or not earlier:
        return ObservedWorkload(**observed)
    newest = own[str(number)]["metadata"]["labels"]["pod-template-hash"]
    of_newest = (
        each for each in all_pods if each["metadata"]["labels"].get("pod-template-hash") == newest
    )
    problem = next(filter(None, map(_problem, of_newest)), progress.get("message", ""))
    return ObservedWorkload(**observed, serving=max(earlier), problem=problem)


def failed_numbers(annotations: Mapping[str, str]) -> tuple[int, ...]:
    """Return the numbers of the releases that did not serve, as their Deployment remembers them."""
    return tuple(int(word) for word in annotations.get(FAILED, "").split() if word.isdigit())


def condition(status: Object, kind: str) -> Object:
    """Return the condition of this kind in an object's `status`; empty without one."""
    conditions = status.get("conditions") or ()
    return next((each for each in conditions if each["type"] == kind), {})


def last_line(ended: Object) -> str:
    """Return the last line of a container that ended, of its `terminated` state; may be empty."""
    lines = [line.strip() for line in (ended.get("message") or "").splitlines()]
    return next((visible(line)[:_COLUMNS] for line in reversed(lines) if line), "")


def _problem(pod: Object) -> str:
    """Return the reason why a pod is not ready, in Kubernetes' words; empty for a ready pod."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        last = (container.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
            code = f", after exit code {last['exitCode']}" if last else ""
            end = ": ".join(filter(None, (code, last_line(last))))
            return ": ".join(filter(None, (waiting["reason"], waiting.get("message")))) + end
    for each in status.get("conditions") or ():
        if each["type"] in {"PodScheduled", "Ready"} and each["status"] == "False":
            return str(each.get("message") or each.get("reason") or "")
    return ""


def _read(kubeconfig: str, service: str) -> ObservedWorkload | None:
    api = ClusterApi(kubeconfig)
    apps, namespace = "/apis/apps/v1", f"namespaces/{service}"
    selector = f"labelSelector={pods.NAME}%3D{service}"
    try:
        deployment = api.get(f"{apps}/{namespace}/deployments/{service}")
    except MissingObjectError:
        return None
    return of(
        deployment,
        api.items(f"{apps}/{namespace}/replicasets?{selector}"),
        api.items(f"/api/v1/{namespace}/pods?{selector}"),
    )
