"""What the pipeline writes on GitHub, found again by a hidden marker and edited in place."""

from collections.abc import Iterator
from typing import Any

from review.github import BOT, GitHub
from review.markdown import LIMIT, cut


def upsert_comment(github: GitHub, pull_request: int, mark: str, body: str) -> None:
    """Edit the comment with the mark, or write it; of several, the last one is kept up to date."""
    found = list(_ours(github, pull_request, mark))
    if found:
        github.send("PATCH", f"issues/comments/{found[-1]['id']}", {"body": cut(body, LIMIT)})
    else:
        github.send("POST", f"issues/{pull_request}/comments", {"body": cut(body, LIMIT)})


def labels(github: GitHub, pull_request: int) -> set[str]:
    """Ask for the labels as they are now: those in the event are as old as the event."""
    return {str(label["name"]) for label in github.list(f"issues/{pull_request}/labels")}


def upsert_issue(github: GitHub, mark: str, *, title: str, body: str, label: str) -> int:
    """Edit the open issue with the mark, or open it; give its number."""
    issue = {"title": title, "body": cut(body, LIMIT)}
    found = _issue(github, mark, label)
    if found:
        github.send("PATCH", f"issues/{found['number']}", issue)
        return int(found["number"])
    return int(github.send("POST", "issues", {**issue, "labels": [label]})["number"])


def close_issue(github: GitHub, mark: str, *, comment: str, label: str) -> int | None:
    """Close the open issue with the mark, if there is one, saying why; give its number."""
    found = _issue(github, mark, label)
    if not found:
        return None
    number = int(found["number"])
    github.send("POST", f"issues/{number}/comments", {"body": comment})
    github.send("PATCH", f"issues/{number}", {"state": "closed", "state_reason": "completed"})
    return number


def _issue(github: GitHub, mark: str, label: str) -> Any:
    listed = github.list("issues", state="open", labels=label)
    return next((i for i in listed if _by_us(i) and (i["body"] or "").startswith(mark)), None)


def _ours(github: GitHub, number: int, mark: str) -> Iterator[Any]:
    # anybody can write the mark; only the workflow's own words count
    for comment in github.list(f"issues/{number}/comments"):
        if _by_us(comment) and comment["body"].startswith(mark):
            yield comment


def _by_us(post: Any) -> bool:
    return bool((post.get("user") or {}).get("login") == BOT)
