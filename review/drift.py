"""Whether a stack still is what its program says: asked of the cloud and of the server."""

from review.comment import render
from review.context import Context
from review.github import GitHub
from review.markdown import LIMIT
from review.posts import close_issue, upsert_issue
from review.review import Review

LABEL = "drift"


def marker(stack: str) -> str:
    return f"<!-- auth-drift {stack} -->"


def drifted(review: Review) -> bool:
    """Tell whether anything differs; a check that failed counts, since nobody knows then."""
    return bool(review.plan.changes) or review.verdict.kind == "failed"


def body(review: Review, context: Context) -> str:
    head = (
        f"{marker(review.stack)}\n"
        f"The [nightly check]({context.run_url}) found that `{review.stack}` differs from its "
        "program. `make up REFRESH=1` makes it what the program says; if what differs is meant, "
        "change the program. This issue is edited by each check, and closed by the first that "
        "finds nothing.\n\n"
    )
    return head + render(review, limit=LIMIT - len(head))


def report(review: Review, context: Context) -> str:
    """Open, update or close the stack's one issue; give a sentence on what was done."""
    mark = marker(review.stack)
    with GitHub(context) as github:
        if drifted(review):
            number = upsert_issue(
                github,
                mark,
                title=f"{review.stack} differs from its program",
                body=body(review, context),
                label=LABEL,
            )
            return f"{review.stack} differs from its program: issue #{number}."
        told = f"The [check]({context.run_url}) finds no difference any more."
        closed = close_issue(github, mark, comment=told, label=LABEL)
        return f"{review.stack} is what its program says" + (
            f"; issue #{closed} is closed." if closed else "."
        )
