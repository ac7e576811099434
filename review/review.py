"""A review: the plan of a stack, the verdict on it, and all the content of its comment."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from costs.bill import Bill
from review import commits, events, snapshot
from review.commits import Commits
from review.consent import Consent
from review.container import Container, containers
from review.cost import bills
from review.downtime import Downtime, expect
from review.events import Plan
from review.redaction import Redactor
from review.snapshot import Server, Snapshot
from review.verdict import ALLOWING, Verdict, judge
from stack import platforms
from stack.errors import StackError
from stack.stack import Stack

_MOST_DANGERS = 20


@dataclass(frozen=True, kw_only=True)
class Review:
    stack: str
    plan: Plan
    verdict: Verdict
    downtime: Downtime
    containers: tuple[tuple[Container, Commits], ...]
    snapshot: Snapshot
    costs: tuple[Bill, Bill] | None = None  # of a month, before and after the plan
    consent: Consent | None = None  # of a pull request whose plan needs it

    @classmethod
    def of(
        cls,
        clone: Path,
        plan: Plan,
        *,
        verdict: Verdict,
        snapshot: Snapshot,
        costs: tuple[Bill, Bill] | None = None,
        consent: Consent | None = None,
    ) -> "Review":
        return cls(
            stack=snapshot.stack,
            plan=plan,
            verdict=verdict,
            downtime=expect(plan),
            containers=tuple(
                (container, commits.between(clone, *container.revision))
                for container in containers(plan)
            ),
            snapshot=snapshot,
            costs=costs,
            consent=consent if verdict.dangers else None,
        )


def make(
    clone: Path,
    stack: Stack,
    *,
    labels: Collection[str] = (),
    consent: Consent | None = None,
    head: str = "",
    refresh: bool = False,
) -> tuple[Review, Redactor]:
    """Preview the stack and review its plan.

    `labels` are believed as they are; `consent` is the checked form of the label that allows.
    """
    if consent and consent.granted:
        labels = {*labels, ALLOWING}
    log = clone / ".local" / "review" / f"{stack.name}.events.jsonl"
    status = stack.plan(log, refresh=refresh)
    redactor = Redactor(_secrets(stack), os.environ)
    # without a log the engine did not even start; its message is in the output above
    plan = redactor.plan(events.read(log.read_bytes() if log.exists() else b""))
    verdict = judge(plan, labels=labels, status=status)
    commit, tree = commits.head(clone)
    state = stack.resources()
    taken = Snapshot(
        stack=stack.name,
        commit=commit,
        head=head,
        tree=tree,
        plan=snapshot.plan_of(plan),
        dangers=tuple(danger.name for danger in verdict.dangers[:_MOST_DANGERS]),
        state=snapshot.state_of(state),
        server=server_of(stack),
    )
    review = Review.of(
        clone, plan, verdict=verdict, snapshot=taken, costs=bills(state, plan), consent=consent
    )
    return review, redactor


def server_of(stack: Stack) -> Server | None:
    """Return the live release and its drift; None if the server does not answer."""
    try:
        status = platforms.report(stack, "status")
        live = status["live"] or {"release": 0, "fingerprint": ""}
        return Server(
            release=int(live["release"]),
            fingerprint=str(live["fingerprint"]),
            differs=tuple(status["differs"]),
            author=str(live.get("by", "")),
            at=str(live.get("at", "")),
        )
    except (StackError, ValueError, KeyError):
        return None


def _secrets(stack: Stack) -> list[str]:
    try:
        return stack.configuration.secret_values()
    except StackError:
        # a configuration that can't be decrypted has no secret that could show
        return []
