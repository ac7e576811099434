"""The attempts of a Job: after a failure the next update runs another, under the next name.

Kubernetes runs a Job once, and Pulumi's plugin waits for the same Job again as long as it has the
same name.
"""

import asyncio
import re
from collections.abc import Iterable

import pulumi

from components import pods
from components.cluster_api import ClusterApi, MissingObjectError, Object, UnreachableError
from components.observed_workload import condition

# of a Job's status; the second is there while its pods still end
_FAILURES = ("Failed", "FailureTarget")


def planned(
    base: pulumi.Output[str], *, kubeconfig: pulumi.Input[str], service: str
) -> pulumi.Output[str]:
    """Return the name of the attempt that will run or has run, by the Jobs of a service.

    Without an answer of the cluster it is the base: a preview goes on.
    """

    async def name(known: list[str]) -> str:
        try:
            return next_name(known[0], await read(known[1], service))
        except UnreachableError:
            # the workload, in the same cluster, warns of it
            return known[0]

    return pulumi.Output.all(base, kubeconfig).apply(name)


def next_name(base: str, jobs: Iterable[Object]) -> str:
    """Return the name of the highest attempt, or of the next attempt if that failed.

    The names are BASE, BASE-2, BASE-3 and so on.
    """
    form = re.compile(rf"{re.escape(base)}(?:-([0-9]+))?")
    there: dict[int, Object] = {}
    for job in jobs:
        if match := form.fullmatch(job["metadata"]["name"]):
            there[int(match[1] or 1)] = job
    if not there:
        return base
    highest = max(there)
    if _has_failed(there[highest]):
        highest += 1
    return base if highest == 1 else f"{base}-{highest}"


async def read(kubeconfig: str, service: str) -> list[Object]:
    """Return the Jobs in a service's namespace; raise UnreachableError without an answer."""
    try:
        return await asyncio.to_thread(_read, kubeconfig, service)
    except (ValueError, LookupError) as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from None


def _has_failed(job: Object) -> bool:
    status = job.get("status") or {}
    return any(condition(status, kind).get("status") == "True" for kind in _FAILURES)


def _read(kubeconfig: str, service: str) -> list[Object]:
    api = ClusterApi(kubeconfig)
    own = f"labelSelector={pods.NAME}%3D{service}"
    try:
        return api.items(f"/apis/batch/v1/namespaces/{service}/jobs?{own}")
    except MissingObjectError:
        return []
