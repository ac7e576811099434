"""Only the newest commit of a branch is deployed: an old run that is started again is not."""

from urllib.parse import quote

from review.context import Context
from review.errors import ReviewError
from review.github import GitHub

_BRANCH = "refs/heads/"


def check(github: GitHub, context: Context) -> None:
    """Raise ReviewError unless this run's commit is the head of its branch."""
    if not context.ref.startswith(_BRANCH):
        raise ReviewError(
            f"This run is on {context.ref or 'no branch'}; only a branch is deployed, since its "
            "newest commit is known. Start it on a branch, or go back to a release by its number: "
            "the input rollback of the workflow deploy."
        )
    branch = context.ref.removeprefix(_BRANCH)
    head = str(github.get(f"branches/{quote(branch, safe='')}")["commit"]["sha"])
    if head != context.commit:
        raise ReviewError(
            f"This run is of {context.commit[:12]}, and {branch} is at {head[:12]}: releasing it "
            "would take newer code away. The run of the newest commit deploys that. To go back, "
            "name the release: the input rollback of the workflow deploy, or make rollback TO=…"
        )
