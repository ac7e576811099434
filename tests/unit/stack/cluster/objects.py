"""Objects of Kubernetes, as its API answered them in a rollout, with the fields that are read."""

from typing import Any

from components.observed_workload import CAUSE, FAILED, NUMBER, ROLLBACK
from components.pods import REVISION
from stack.cluster import objects

UID = "6f0c4f3e-0000-4000-8000-000000000001"
COMPLETE, PROGRESSING, LATE = (
    "NewReplicaSetAvailable",
    "ReplicaSetUpdated",
    "ProgressDeadlineExceeded",
)


def deployment(
    reason: str,
    *,
    generation: int = 3,
    observed: int = 3,
    applied: str = "2026-11-28T01:59:59Z",
    failed: str = "",
) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": UID,
            "annotations": {FAILED: failed},
            "generation": generation,
            "managedFields": [
                {"operation": "Apply", "time": applied},
                {"operation": "Update", "time": "2026-11-28T02:30:00Z"},
            ],
        },
        "status": {
            "observedGeneration": observed,
            "conditions": [
                {"type": "Available", "status": "True"},
                {
                    "type": "Progressing",
                    "reason": reason,
                    "lastUpdateTime": "2026-11-28T02:00:22Z",
                },
            ],
        },
    }


def replica_set(
    number: int, *, ready: int = 0, wanted: int = 0, owner: str = UID, **annotations: str
) -> dict[str, Any]:
    """Return a ReplicaSet; `annotations` are by the names of the constants with their keys."""
    keys = {"ROLLBACK": ROLLBACK, "FORMER_NUMBERS": objects.FORMER_NUMBERS}
    extra = {keys[name]: value for name, value in annotations.items()}
    return {
        "metadata": {
            "name": f"auth-{number}",
            "creationTimestamp": "2026-11-28T02:00:00Z",
            "labels": {objects.TEMPLATE_HASH: f"hash{number}"},
            "annotations": {
                NUMBER: str(number),
                CAUSE: f"abc{number} by ann@example.com on laptop",
                **extra,
            },
            "ownerReferences": [{"uid": owner}],
        },
        "spec": {
            "replicas": wanted,
            "template": {
                "metadata": {"annotations": {REVISION: f"abc{number}"}},
                "spec": {"containers": [{"name": "auth", "image": f"ghcr.io/acme/auth@{number}"}]},
            },
        },
        "status": {"readyReplicas": ready} if ready else {},
    }
