"""The Secrets of former releases: named by their content, and deleted when no release needs them.

A release needs its Secret for as long as Kubernetes keeps its ReplicaSet: a rollback starts the
pods of that release again.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator

from components import pods
from components.cluster_api import ClusterApi, MissingObjectError, Object


async def delete(kubeconfig: str, service: str) -> list[str]:
    """Delete the Secrets that no release needs; return their names.

    Raise UnreachableError without an answer of the cluster: the next release repeats it.
    """
    return await asyncio.to_thread(_delete, kubeconfig, service)


def unused(service: str, secrets: Iterable[Object], replica_sets: Iterable[Object]) -> list[str]:
    """Return the names of the Secrets with the files of the container that no ReplicaSet uses."""
    of_releases = re.compile(rf"{re.escape(service)}-[0-9a-f]{{8}}")
    names = {str(each["metadata"]["name"]) for each in secrets}
    used = {name for each in replica_sets for name in _used(each)}
    return sorted(name for name in names - used if of_releases.fullmatch(name))


def _used(replica_set: Object) -> Iterator[str]:
    for volume in replica_set["spec"]["template"]["spec"].get("volumes") or ():
        if secret := volume.get("secret"):
            yield str(secret["secretName"])


def _delete(kubeconfig: str, service: str) -> list[str]:
    api = ClusterApi(kubeconfig)
    own = f"labelSelector={pods.NAME}%3D{service}"
    secrets_path = f"/api/v1/namespaces/{service}/secrets"
    # first: a Secret that comes later is none of these
    secrets = api.metadata(f"{secrets_path}?{own}")
    replica_sets = api.items(f"/apis/apps/v1/namespaces/{service}/replicasets?{own}")
    names = unused(service, secrets, replica_sets)
    for name in names:
        try:
            api.delete(f"{secrets_path}/{name}")
        except MissingObjectError:
            continue
    return names
