"""The drift of a stack from its program: in the cloud and on the server."""

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
    """Check whether anything differs; a failed check counts as drift, since it shows nothing."""
    return bool(review.plan.changes) or review.verdict.kind == "failed"


def body(review: Review, context: Context) -> str:
    head = (
        f"{marker(review.stack)}\n"
        f"The [nightly check]({context.run_url}) found that `{review.stack}` differs from its "
        "program. `make up REFRESH=1` undoes the difference. To keep it, change the program. Each "
        "check edits this issue, and the first check without a difference closes it.\n\n"
    )
    return head + render(review, limit=LIMIT - len(head))


def report(review: Review, context: Context) -> str:
    """Open, update or close the issue of the stack; return a sentence on the result."""
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
        comment = f"The [check]({context.run_url}) finds no difference any more."
        closed = close_issue(github, mark, comment=comment, label=LABEL)
        return f"{review.stack} is as its program describes it" + (
            f"; issue #{closed} is closed." if closed else "."
        )
