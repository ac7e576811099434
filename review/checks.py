"""The snapshot of a review, in a check run of the pull request's last commit.

Only GitHub Apps write check runs, each its own, and no person has the token of the workflows' app.
A comment can be edited by every moderator.

https://docs.github.com/en/rest/checks/runs
"""

from typing import Any

from review import snapshot as snapshots
from review.github import GitHub
from review.snapshot import Snapshot

APP = "github-actions"  # whose token a workflow has
_INTRODUCTION = (
    "A deployment compares its plan with this record of the preview. The comment on the pull "
    "request has it in words."
)


def name(stack: str) -> str:
    return f"review of {stack}"


def keep(github: GitHub, snapshot: Snapshot, *, passes: bool) -> None:
    """Write the snapshot to the pull request's last commit."""
    github.send(
        "POST",
        "check-runs",
        {
            "name": name(snapshot.stack),
            "head_sha": snapshot.head,
            "status": "completed",
            "conclusion": "success" if passes else "failure",
            "output": {
                "title": f"Plan {snapshot.plan}",
                "summary": _INTRODUCTION,
                "text": snapshot.text(),
            },
        },
    )


def reviewed(github: GitHub, commit: str, stack: str) -> tuple[int | None, Snapshot | None]:
    """Return the number of the commit's pull request, and the snapshot of its last preview.

    A preview of an earlier push does not count for the commits after it.
    """
    number = None
    for pull_request in github.list(f"commits/{commit}/pulls"):
        number = int(pull_request["number"])
        snapshot = _snapshot(github, str(pull_request["head"]["sha"]), stack)
        if snapshot:
            return number, snapshot
    return number, None


def _snapshot(github: GitHub, head: str, stack: str) -> Snapshot | None:
    runs = [
        run
        for run in github.list(
            f"commits/{head}/check-runs", "check_runs", check_name=name(stack), filter="all"
        )
        if _is_ours(run)
    ]
    if not runs:
        return None
    newest = max(runs, key=lambda run: int(run["id"]))
    stored = snapshots.read(str((newest.get("output") or {}).get("text") or ""))
    return stored if stored and (stored.stack, stored.head) == (stack, head) else None


def _is_ours(run: Any) -> bool:
    return run["status"] == "completed" and (run.get("app") or {}).get("slug") == APP
