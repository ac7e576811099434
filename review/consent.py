"""The consent to replace or delete guarded resources: a label, set by a trusted person.

GitHub is asked each time that it counts. The consent is stored nowhere: a text can be edited.
"""

from dataclasses import dataclass

from review.github import GitHub
from review.posts import labels
from review.verdict import ALLOWING

# GitHub's coarse levels: `write` includes the role "maintain", `read` includes "triage", which may
# set labels and is not trusted with code
_TRUSTED = {"admin", "write"}


@dataclass(frozen=True, kw_only=True)
class Consent:
    granted: bool
    reason: str  # a sentence without its full stop, in which nothing is Markdown
    by: str = ""  # the login that set the label, if it is there


def of(github: GitHub, pull_request: int | None) -> Consent:
    """Return whether the label is on the pull request, and its last setter may write.

    https://docs.github.com/en/rest/issues/events
    """
    if pull_request is None:
        return Consent(granted=False, reason="no pull request brought this commit")
    if ALLOWING not in labels(github, pull_request):
        return Consent(granted=False, reason=f"#{pull_request} does not have the label {ALLOWING}")
    events = [
        event
        for event in github.list(f"issues/{pull_request}/events")
        if event.get("event") == "labeled" and (event.get("label") or {}).get("name") == ALLOWING
    ]
    actor = (events[-1].get("actor") or {}) if events else {}
    login = str(actor.get("login", ""))
    setter = f"the label {ALLOWING} on #{pull_request} was set by {login or 'nobody'}"
    if not login or actor.get("type") != "User":
        return Consent(granted=False, reason=f"{setter}, which is no person", by=login or "nobody")
    permission = (github.find(f"collaborators/{login}/permission") or {}).get("permission", "none")
    if permission not in _TRUSTED:
        reason = f"{setter}, without the right to write to this repository ({permission})"
        return Consent(granted=False, reason=reason, by=login)
    return Consent(granted=True, reason=setter, by=login)
