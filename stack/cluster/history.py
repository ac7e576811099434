"""`make history` on a cluster: the ReplicaSets that Kubernetes keeps, the newest first."""

from collections.abc import Iterator
from typing import Any

from stack.cluster import releases
from stack.cluster.api import Api
from stack.cluster.releases import Release, Releases


def rows(api: Api) -> list[dict[str, Any]]:
    """Return a row for each number of a release, in the form of a server's history.

    Restarts and interventions have no place on a cluster: Kubernetes restarts a pod by itself, and
    `make status` counts them.
    """
    return of(releases.read(api))


def of(known: Releases) -> list[dict[str, Any]]:
    """Return the rows of releases, the newest number first."""
    unsorted = [row for each in known.all for row in _rows(each)]
    return sorted(unsorted, key=lambda row: -int(row["release"]))


def _rows(release: Release) -> Iterator[dict[str, Any]]:
    """Yield the release, and a row for each number under which it ran before."""
    row = {**release.public(), "restarts": [], "interventions": []}
    yield row
    first = min(release.former_numbers, default=0)
    for number in release.former_numbers:
        is_first = number == first
        yield {
            **row,
            "release": number,
            "outcome": "replaced",
            # Kubernetes keeps the time and the cause of the first alone
            "at": release.replica_set["metadata"]["creationTimestamp"] if is_first else "",
            "by": release.cause if is_first else "",
            "person": release.cause if is_first else "",
            "seconds": None,
            "note": f"runs again as release {release.number}",
            "ready": 0,
            "wanted": 0,
        }
