"""The record of a review in a check run of the pull request's last commit.

Only GitHub Apps can write check runs, and each its own: no person has the token of the workflows'
app. A comment can be edited by whoever may moderate.

https://docs.github.com/en/rest/checks/runs
"""

from typing import Any

from review import snapshot
from review.github import GitHub
from review.snapshot import Snapshot

APP = "github-actions"  # whose token a workflow has
_INTRODUCTION = (
    "A deployment compares what it would do with this record of the preview. The comment on the "
    "pull request has it in words."
)


def name(stack: str) -> str:
    return f"review of {stack}"


def keep(github: GitHub, made: Snapshot, *, passes: bool) -> None:
    """Write the record to the pull request's last commit."""
    github.send(
        "POST",
        "check-runs",
        {
            "name": name(made.stack),
            "head_sha": made.head,
            "status": "completed",
            "conclusion": "success" if passes else "failure",
            "output": {
                "title": f"Plan {made.plan}",
                "summary": _INTRODUCTION,
                "text": made.text(),
            },
        },
    )


def reviewed(github: GitHub, commit: str, stack: str) -> tuple[int | None, Snapshot | None]:
    """Find the pull request that brought the commit, and the record of its last preview.

    A preview of an earlier push says nothing of what was pushed after it, and is none.
    """
    number = None
    for pull_request in github.list(f"commits/{commit}/pulls"):
        number = int(pull_request["number"])
        found = _record(github, str(pull_request["head"]["sha"]), stack)
        if found:
            return number, found
    return number, None


def _record(github: GitHub, head: str, stack: str) -> Snapshot | None:
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
    found = snapshot.read(str((newest.get("output") or {}).get("text") or ""))
    return found if found and (found.stack, found.head) == (stack, head) else None


def _is_ours(run: Any) -> bool:
    return run["status"] == "completed" and (run.get("app") or {}).get("slug") == APP
