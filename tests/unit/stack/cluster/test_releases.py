"""The releases that a Deployment and its ReplicaSets tell."""

import json
from typing import Any

import pytest

from stack.cluster import history, releases
from tests.unit.stack.cluster.objects import (
    COMPLETE,
    LATE,
    PROGRESSING,
    deployment,
    replica_set,
)


def outcomes(known: releases.Releases) -> dict[int, str]:
    return {each.number: each.outcome for each in known.all}


def test_after_a_rollout_the_newest_release_is_live() -> None:
    sets = [replica_set(2), replica_set(10, ready=2, wanted=2), replica_set(9)]

    known = releases.of(deployment(COMPLETE), sets)

    assert outcomes(known) == {10: "live", 9: "replaced", 2: "replaced"}
    assert known.live
    assert (known.live.by, known.live.revision) == ("ann@example.com on laptop", "abc10")
    assert known.live.seconds == 22


@pytest.mark.parametrize(
    ("reason", "outcome"), [(PROGRESSING, "started"), (LATE, "failed")], ids=["begins", "fails"]
)
def test_the_earlier_release_is_live_while_the_newest(reason: str, outcome: str) -> None:
    sets = [replica_set(3, ready=1, wanted=2), replica_set(2, ready=2, wanted=2)]

    assert outcomes(releases.of(deployment(reason), sets)) == {3: outcome, 2: "live"}


def test_a_change_that_the_cluster_has_not_begun_is_no_rollout_that_ended() -> None:
    sets = [replica_set(3, wanted=2), replica_set(2, ready=2, wanted=2)]

    known = releases.of(deployment(COMPLETE, generation=4), sets)

    assert outcomes(known)[2] == "live"


def test_a_live_release_without_a_ready_pod_stays_the_live_release() -> None:
    known = releases.of(deployment(COMPLETE), [replica_set(3, wanted=2), replica_set(2)])

    assert known.live
    assert (known.live.number, known.live.ready) == (3, 0)


def test_nothing_is_live_before_the_first_pod_is_ready() -> None:
    assert releases.of(deployment(PROGRESSING), [replica_set(1, wanted=2)]).live is None


def test_the_replica_set_of_another_deployment_is_no_release() -> None:
    sets = [replica_set(1, ready=2, wanted=2), replica_set(7, owner="another")]

    assert list(outcomes(releases.of(deployment(COMPLETE), sets))) == [1]


def rolled_back(release: int) -> dict[str, Any]:
    act = {"release": 3, "of": 1, "by": "bob on desk", "at": "2026-11-28T02:00:12Z"}
    return replica_set(release, ready=2, wanted=2, FORMER_NUMBERS="1", ROLLBACK=json.dumps(act))


def test_a_rollback_names_its_person_and_the_release_that_runs_again() -> None:
    live = releases.of(deployment(COMPLETE), [rolled_back(3)]).live

    assert live
    assert (live.by, live.note) == ("bob on desk", "rollback to release 1")
    assert live.seconds == 10


def test_a_later_release_has_a_copy_of_the_annotation_and_is_no_rollback() -> None:
    live = releases.of(deployment(COMPLETE), [rolled_back(4)]).live

    assert live
    assert (live.by, live.note) == ("ann@example.com on laptop", "")


def test_a_release_whose_pods_ran_under_an_earlier_number_began_when_the_program_asked_for_it() -> (
    None
):
    again = replica_set(4, ready=2, wanted=2, FORMER_NUMBERS="2")

    live = releases.of(deployment(COMPLETE, applied="2026-11-28T02:00:15Z"), [again]).live

    assert live
    assert (live.at, live.seconds) == ("2026-11-28T02:00:15Z", 7)


def test_the_history_has_a_row_for_each_number_that_a_release_had() -> None:
    known = releases.of(deployment(COMPLETE), [rolled_back(3), replica_set(2)])

    rows = history.of(known)

    assert [row["release"] for row in rows] == [3, 2, 1]
    assert rows[2]["outcome"] == "replaced"
    assert rows[2]["by"] == "ann@example.com on laptop"
    assert rows[2]["note"] == "runs again as release 3"


def test_a_release_that_did_not_serve_stays_failed_until_its_pods_serve_under_another_number() -> (
    None
):
    sets = [replica_set(7, ready=2), replica_set(6, FORMER_NUMBERS="3"), replica_set(5)]

    assert outcomes(releases.of(deployment(COMPLETE, failed="3 5"), sets)) == {
        7: "live",
        6: "replaced",
        5: "failed",
    }
