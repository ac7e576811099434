"""A review: the plan of a stack, judged, with all that its comment tells."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from review import commits, events, snapshot
from review.commits import Commits
from review.consent import Consent
from review.container import Container, containers
from review.downtime import Downtime, expect
from review.events import Plan
from review.redaction import Redactor
from review.snapshot import Server, Snapshot
from review.verdict import ALLOWING, Verdict, judge
from stack import ssh
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
    record: Snapshot
    consent: Consent | None = None  # of a pull request with a plan that takes one

    @classmethod
    def of(
        cls,
        clone: Path,
        plan: Plan,
        *,
        verdict: Verdict,
        seen: Snapshot,
        consent: Consent | None = None,
    ) -> "Review":
        found = containers(plan)
        return cls(
            stack=seen.stack,
            plan=plan,
            verdict=verdict,
            downtime=expect(plan),
            containers=tuple((one, commits.between(clone, *one.revision)) for one in found),
            record=seen,
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
    """Preview the stack and review what comes of it.

    `labels` are taken at their word; `consent` is what was found out about the one that allows.
    """
    if consent and consent.given:
        labels = {*labels, ALLOWING}
    log = clone / ".local" / "review" / f"{stack.name}.events.jsonl"
    status = stack.plan(log, refresh=refresh)
    redactor = Redactor(_secrets(stack), os.environ)
    # without a log the engine did not even start; what it said is in the output above
    plan = redactor.plan(events.read(log.read_bytes() if log.exists() else b""))
    verdict = judge(plan, labels=labels, status=status)
    commit, tree = commits.head(clone)
    seen = Snapshot(
        stack=stack.name,
        commit=commit,
        head=head,
        tree=tree,
        plan=snapshot.plan_of(plan),
        dangers=tuple(danger.name for danger in verdict.dangers[:_MOST_DANGERS]),
        state=snapshot.state_of(stack.resources()),
        server=server_of(stack),
    )
    return Review.of(clone, plan, verdict=verdict, seen=seen, consent=consent), redactor


def server_of(stack: Stack) -> Server | None:
    """Ask the release tool what is live; None if there is nobody to ask."""
    try:
        told = ssh.report(stack, "status")
        live = told["live"] or {"release": 0, "fingerprint": ""}
        return Server(
            release=int(live["release"]),
            fingerprint=str(live["fingerprint"]),
            differs=tuple(told["differs"]),
        )
    except (StackError, ValueError, KeyError):
        return None


def _secrets(stack: Stack) -> list[str]:
    try:
        return stack.configuration.secret_values()
    except StackError:
        # a configuration that can't be decrypted has no secret that could show
        return []
