"""The English of each folder, within the budget of tests/prose.py."""

import gc

import pytest

from tests import prose

PARTS = prose.parts(prose.tracked())


@pytest.fixture(autouse=True, scope="module")
def _without_garbage() -> None:
    """Collect the failed futures of other tests first.

    asyncio prints their tracebacks when they are collected, and Python 3.11 parses source for that.
    In the middle of our own parsing it raises a SystemError (CPython issue 106905).
    """
    gc.collect()


@pytest.mark.parametrize("folder", sorted(PARTS))
def test_the_prose_of_a_folder_is_within_its_budget(folder: str) -> None:
    measured = prose.measure(prose.passages(PARTS[folder]))

    places = [
        place for place in measured.places if any(f": {kind} " in place for kind in measured.over)
    ]
    assert not measured.over, "\n".join(places)
