"""The result of a drill, for people on GitHub: a summary, and an issue while drills fail."""

from review.context import Context
from review.github import GitHub
from review.markdown import code
from review.posts import close_issue, upsert_issue
from stack.drill import Drill, lines

LABEL = "drill"


def marker(stack: str) -> str:
    return f"<!-- auth-drill {stack} -->"


def report_success(name: str, result: Drill, context: Context) -> str:
    """Close the issue of failed drills; return the result in sentences."""
    text = "\n".join(lines(name, result))
    if context.token:
        comment = f"The [drill]({context.run_url}) works again.\n\n{text}"
        with GitHub(context) as github:
            close_issue(github, marker(name), comment=comment, label=LABEL)
    return text


def report_failure(name: str, reason: str, context: Context) -> str:
    """Open or update the issue of failed drills; return the result in sentences."""
    text = (
        f"The drill of {name} failed, so nobody knows whether its copies can be restored: "
        f"{reason.rstrip('.')}."
    )
    if not context.token:
        return text
    body = (
        f"{marker(name)}\n[The drill]({context.run_url}) of {code(name)} failed: {code(reason)}\n\n"
        "Nothing of the stack was changed. `docs/runbook.md` has the messages under *An earlier "
        "database*. Each failed drill edits this issue, and the first that works closes it."
    )
    with GitHub(context) as github:
        number = upsert_issue(
            github,
            marker(name),
            title=f"The copies of {name} can't be restored",
            body=body,
            label=LABEL,
        )
    return f"{text} Issue #{number}."
