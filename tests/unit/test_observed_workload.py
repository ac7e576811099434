"""The plan of a release in a cluster, after a rollback there."""

import json
from dataclasses import replace
from typing import Any

import pytest

from components import observed_workload, workload
from components.observed_workload import CAUSE, NUMBER, ROLLBACK, ObservedWorkload
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

    number, reason = workload.planned_number(state, "desired")

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

    assert workload.planned_number(state, "desired")[1] is None


def test_a_release_that_does_not_serve_is_remembered_until_it_serves() -> None:
    newest = ObservedWorkload(number=3, fingerprint="", cause="", failed=(1,))

    assert workload.failed_releases(None) == ""
    assert workload.failed_releases(newest) == "1"
    assert workload.failed_releases(replace(newest, serving=2)) == "1 3"
    assert workload.failed_releases(replace(newest, failed=(1, 3))) == "1"
