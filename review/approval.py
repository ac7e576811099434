"""Applying what was reviewed: what moved since the preview, and whether that matters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from review.consent import Consent
from review.snapshot import Server, Snapshot, digest
from review.verdict import Verdict

_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether to go on; `moved` is for people, also when it does not stop anything."""

    goes_on: bool
    moved: tuple[str, ...]
    reason: str


def decide(
    seen: Snapshot | None,
    now: Snapshot,
    verdict: Verdict,
    *,
    consent: Consent,
    others: Sequence[str] = (),
    accepted: str = "",
    files: Callable[[str, str], list[str]] = lambda _old, _new: [],
) -> Decision:
    """Compare what was reviewed with what is planned now.

    Only what the verdict guards must have been seen: a release on a server that moved is planned
    anew and refused by the server itself if it moves again. `consent` is asked for now and never
    taken from the record; `others` are images that would run and are not the verified one;
    `accepted` is the fingerprint of a plan that somebody read in the summary of an earlier run;
    `files` names what two trees differ in.
    """
    moved = tuple(_moved(seen, now, files)) if seen else ("no preview of this commit was found",)
    goes_on, reason = _judge(
        seen,
        now,
        verdict,
        consent=consent,
        others=others,
        accepted=accepted,
        moved=bool(moved),
    )
    return Decision(goes_on=goes_on, moved=moved, reason=reason)


def _judge(
    seen: Snapshot | None,
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
        (bool(others), False, f"an image that was not verified would run: {_few([*others])}"),
        (not now.dangers, True, "nothing that is guarded is touched"),
        (accepted == now.plan, True, f"plan {now.plan} was accepted by hand"),
        (bool(accepted), False, f"another plan was accepted; this would be {now.plan}"),
        (seen is None, False, "what is guarded was not reviewed"),
        (moved, False, "what is guarded needs a new preview"),
        (not consent.given, False, consent.reason),
    )
    found = ((goes_on, reason) for holds, goes_on, reason in cases if holds)
    return next(found, (True, f"this is what was reviewed, and {consent.reason}"))


def _moved(seen: Snapshot, now: Snapshot, files: Callable[[str, str], list[str]]) -> list[str]:
    found = []
    if seen.tree != now.tree:
        names = files(seen.tree, now.tree)
        found.append(f"the code: {_few(names)}" if names else "the code is another")
    found += _state(seen, now)
    found += _server(seen.server, now.server)
    if seen.plan != now.plan:
        found.append(f"the plan: {seen.plan} was reviewed, {now.plan} is what would be done")
    return found


def _state(seen: Snapshot, now: Snapshot) -> list[str]:
    before, after = dict(seen.state), dict(now.state)
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
        when = "it could not be asked at the review" if before is None else "it can't be asked now"
        return [f"the server: {when}"]
    if before.release != after.release:
        return [f"the server: release {after.release} runs, {before.release} ran at the review"]
    if before.differs != after.differs:
        return [f"the server: {'; '.join(after.differs) or 'it was repaired'}"]
    return [f"the server: release {after.release} was changed"]


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
