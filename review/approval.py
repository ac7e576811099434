"""The approval of a plan: its differences from the reviewed plan, and whether they matter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from review.consent import Consent
from review.snapshot import Server, Snapshot, digest
from review.verdict import Verdict

_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether to go on. `moved` lists the changes since the review, even harmless ones."""

    goes_on: bool
    moved: tuple[str, ...]
    reason: str


def decide(
    reviewed: Snapshot | None,
    now: Snapshot,
    verdict: Verdict,
    *,
    consent: Consent,
    others: Sequence[str] = (),
    accepted: str = "",
    files: Callable[[str, str], list[str]] = lambda _old, _new: [],
) -> Decision:
    """Compare the reviewed state and plan with those of now.

    Only changes of guarded resources must have been reviewed. A release on a server that has moved
    on is planned anew, and the server itself refuses it if it moves again. `consent` is the
    consent of now, never of the review. `others` are images that would run besides the verified
    image. `accepted` is the fingerprint of a plan that a person read in the summary of an earlier
    run. `files` returns the files in which two trees differ.
    """
    moved = tuple(_moved(reviewed, now, files)) if reviewed else ("this commit has no preview",)
    goes_on, reason = _judge(
        reviewed,
        now,
        verdict,
        consent=consent,
        others=others,
        accepted=accepted,
        moved=bool(moved),
    )
    return Decision(goes_on=goes_on, moved=moved, reason=reason)


def _judge(
    reviewed: Snapshot | None,
    now: Snapshot,
    verdict: Verdict,
    *,
    consent: Consent,
    others: Sequence[str],
    accepted: str,
    moved: bool,
) -> tuple[bool, str]:
    # in this order: the first that holds decides
    cases = (
        (verdict.kind == "failed", False, "the preview failed"),
        (bool(others), False, f"an unverified image would run: {_few([*others])}"),
        (not now.dangers, True, "no guarded resource is touched"),
        (accepted == now.plan, True, f"plan {now.plan} was accepted by hand"),
        (bool(accepted), False, f"another plan was accepted; this would be {now.plan}"),
        (reviewed is None, False, "the change of a guarded resource was not reviewed"),
        (moved, False, "the change of a guarded resource needs a new preview"),
        (not consent.granted, False, consent.reason),
    )
    outcomes = ((goes_on, reason) for holds, goes_on, reason in cases if holds)
    return next(outcomes, (True, f"this plan was reviewed, and {consent.reason}"))


def _moved(reviewed: Snapshot, now: Snapshot, files: Callable[[str, str], list[str]]) -> list[str]:
    changes = []
    if reviewed.tree != now.tree:
        names = files(reviewed.tree, now.tree)
        changes.append(f"the code: {_few(names)}" if names else "the code is another")
    changes += _state(reviewed, now)
    changes += _server(reviewed.server, now.server)
    if reviewed.plan != now.plan:
        changes.append(f"the plan: {reviewed.plan} was reviewed, {now.plan} would be applied")
    return changes


def _state(reviewed: Snapshot, now: Snapshot) -> list[str]:
    before, after = dict(reviewed.state), dict(now.state)
    if set(before) == {""}:
        return [] if before[""] == digest(after) else ["the state"]
    changed = sorted(
        urn.rpartition("::")[2] for urn in {*before, *after} if before.get(urn) != after.get(urn)
    )
    return [f"the state of {_few(changed)}"] if changed else []


def _server(before: Server | None, after: Server | None) -> list[str]:
    if before == after:
        return []
    if before is None or after is None:
        when = "it did not answer at the review" if before is None else "it does not answer now"
        return [f"the server: {when}"]
    if before.release != after.release:
        return [f"the server: release {after.release} runs, {before.release} ran at the review"]
    if before.differs != after.differs:
        return [f"the server: {'; '.join(after.differs) or 'it was repaired'}"]
    return [f"the server: release {after.release} was changed"]


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
