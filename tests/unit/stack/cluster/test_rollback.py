"""The choice of the release that a rollback on a cluster runs again."""

import pytest

from stack.cluster import releases, rollback
from stack.cluster.releases import Releases
from stack.errors import StackError
from tests.unit.stack.cluster.objects import COMPLETE, LATE, deployment, replica_set

LIVE = releases.of(
    deployment(COMPLETE),
    [
        replica_set(7, ready=2, wanted=2, FORMER_NUMBERS="3"),
        replica_set(6),
        replica_set(5, FORMER_NUMBERS="2,4"),
    ],
)
FAILING = releases.of(
    deployment(LATE), [replica_set(7, wanted=2), replica_set(6, ready=2, wanted=2), replica_set(5)]
)
AFTER_A_FAILURE = releases.of(
    deployment(COMPLETE, failed="6"),
    [replica_set(7, ready=2, wanted=2), replica_set(6), replica_set(5)],
)


@pytest.mark.parametrize(
    ("known", "number", "chosen"),
    [
        (LIVE, None, 6),
        (LIVE, 5, 5),
        (LIVE, 4, 5),
        (LIVE, 7, 7),
        (FAILING, None, 6),
        (FAILING, 5, 5),
        (AFTER_A_FAILURE, None, 5),
    ],
    ids=[
        *("before", "number", "former number", "live", "ends a failure", "further back"),
        "past a release that did not serve",
    ],
)
def test_the_release_that_runs_again(known: Releases, number: int | None, chosen: int) -> None:
    assert rollback.target(known, number).number == chosen


@pytest.mark.parametrize(
    ("known", "number", "reason"),
    [
        (LIVE, 9, "release 9: there was no such release; the newest is 7. Choose from: 7, 6, 5"),
        (LIVE, 1, "release 1: it is too old: Kubernetes keeps the newest .* Choose from: 7, 6, 5"),
        (FAILING, 7, "release 7: its pods did not get ready. Choose from: 6, 5"),
        (AFTER_A_FAILURE, 6, "release 6: its pods did not get ready. Choose from: 7, 5"),
        (releases.of(deployment(COMPLETE), [replica_set(1, ready=2)]), None, "no earlier release"),
    ],
    ids=["never", "too old", "failing", "failed before", "first"],
)
def test_a_release_that_cannot_run_again_is_refused_with_the_reason_and_the_choice(
    known: Releases, number: int | None, reason: str
) -> None:
    with pytest.raises(StackError, match=reason):
        rollback.target(known, number)
