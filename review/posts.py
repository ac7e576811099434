"""Comments and issues on GitHub: a hidden marker lets later runs edit them in place."""

from collections.abc import Iterator
from typing import Any

from review.github import BOT, GitHub
from review.markdown import LIMIT, cut


def upsert_comment(github: GitHub, pull_request: int, mark: str, body: str) -> None:
    """Edit the last comment with the mark, or write it."""
    comments = list(_ours(github, pull_request, mark))
    if comments:
        github.send("PATCH", f"issues/comments/{comments[-1]['id']}", {"body": cut(body, LIMIT)})
    else:
        github.send("POST", f"issues/{pull_request}/comments", {"body": cut(body, LIMIT)})


def labels(github: GitHub, pull_request: int) -> set[str]:
    """Return the labels of now: the labels in the event are as old as the event."""
    return {str(label["name"]) for label in github.list(f"issues/{pull_request}/labels")}


def upsert_issue(github: GitHub, mark: str, *, title: str, body: str, label: str) -> int:
    """Edit the open issue with the mark, or open it; return its number."""
    issue = {"title": title, "body": cut(body, LIMIT)}
    open_issue = _issue(github, mark, label)
    if open_issue:
        github.send("PATCH", f"issues/{open_issue['number']}", issue)
        return int(open_issue["number"])
    return int(github.send("POST", "issues", {**issue, "labels": [label]})["number"])


def close_issue(github: GitHub, mark: str, *, comment: str, label: str) -> int | None:
    """Close the open issue with the mark, with a comment; return its number, or None."""
    open_issue = _issue(github, mark, label)
    if not open_issue:
        return None
    number = int(open_issue["number"])
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
