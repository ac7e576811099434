"""The plan of a release in a cluster, from the observed state."""

import json
from dataclasses import replace
from typing import Any

import pytest

from components import observed_workload, planned_release
from components.observed_workload import CAUSE, NUMBER, ROLLBACK, ObservedWorkload, Rollback
from components.pods import FINGERPRINT

ACT = {"release": 3, "of": 1, "by": "bob on desk", "at": "2026-11-28T02:00:12Z"}


def observed(number: int, *, fingerprint: str, rollback: str) -> ObservedWorkload:
    deployment: dict[str, Any] = {
        "metadata": {"annotations": {NUMBER: str(number), CAUSE: "abc", ROLLBACK: rollback}},
        "spec": {"template": {"metadata": {"annotations": {FINGERPRINT: fingerprint}}}},
        "status": {"conditions": [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}]},
    }
    return observed_workload.of(deployment, [], [])


def test_a_preview_after_a_rollback_names_its_person_and_the_release_that_takes_its_place() -> None:
    state = observed(3, fingerprint="earlier", rollback=json.dumps(ACT))

    number, reason = planned_release.planned_number(state, "desired")

    assert number == 4
    assert reason == (
        "Release 3 is a rollback to release 1, by bob on desk. The program describes another "
        "release, which takes its place as release 4."
    )


@pytest.mark.parametrize(
    ("number", "fingerprint", "rollback"),
    [
        (4, "earlier", json.dumps(ACT)),
        (3, "desired", json.dumps(ACT)),
        (3, "earlier", ""),
        (3, "earlier", '{"release": 3}'),
    ],
    ids=["of another release", "reverted program", "none", "unreadable"],
)
def test_other_releases_are_no_rollback_to_speak_of(
    number: int, fingerprint: str, rollback: str
) -> None:
    state = observed(number, fingerprint=fingerprint, rollback=rollback)

    assert planned_release.planned_number(state, "desired")[1] is None


def test_a_release_that_does_not_serve_is_remembered_until_it_serves() -> None:
    newest = ObservedWorkload(number=3, fingerprint="", cause="", failed=(1,))

    assert planned_release.failed_releases(None) == ""
    assert planned_release.failed_releases(newest) == "1"
    assert planned_release.failed_releases(replace(newest, serving=2)) == "1 3"
    assert planned_release.failed_releases(replace(newest, failed=(1, 3))) == "1"


def plan(desired: str, **changes: Any) -> tuple[int, str | None]:
    state = ObservedWorkload(number=7, fingerprint="live", cause="abc1234 by ada")
    return planned_release.planned_number(replace(state, **changes), desired)


def test_a_service_that_was_never_released_begins_with_the_first_release() -> None:
    assert planned_release.planned_number(None, "desired") == (1, None)


def test_an_unchanged_release_stays() -> None:
    assert plan("live") == (7, None)


def test_a_changed_release_has_the_next_number() -> None:
    assert plan("desired") == (8, None)


def test_a_rollback_that_does_not_serve_is_named_by_its_problem_alone() -> None:
    act = Rollback(release=7, of=5, by="ada", at="2026-11-28T02:10:00Z")
    assert plan("desired", serving=6, problem="it ends", rollback=act) == (8, None)


def test_a_release_that_does_not_serve_is_named_with_the_reason_and_the_one_in_its_place() -> None:
    state = ObservedWorkload(
        number=7, fingerprint="", cause="", serving=6, problem="ErrImagePull: unauthorized"
    )
    assert planned_release.not_serving(state) == (
        "Release 7 does not serve (ErrImagePull: unauthorized), and release 6 does in its place."
    )


def test_the_cause_of_a_release_is_its_revision_and_its_person() -> None:
    assert planned_release.cause("abc1234", "ada") == "abc1234 by ada"
    assert planned_release.cause("abc1234", "") == "abc1234", "a preview does not know the person"
