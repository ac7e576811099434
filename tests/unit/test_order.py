"""The order in which the processes of a suite take its files."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cluster import conftest as cluster
from tests.e2e import conftest as e2e
from tests.localcloud import conftest as localcloud
from tests.testbed.order import longest_first


def test_the_longest_files_come_first_and_the_last_ones_last_with_their_tests_in_order() -> None:
    files = ("down", "a", "long", "a", "longest", "down", "longest")
    items: list[Any] = [
        SimpleNamespace(path=Path(name), number=number) for number, name in enumerate(files)
    ]

    longest_first(items, ("longest", "long"), last=("down",))

    assert [item.number for item in items] == [4, 6, 2, 1, 3, 0, 5]


@pytest.mark.parametrize(
    ("suite", "names"),
    [
        (e2e, (*e2e.LONGEST_FIRST, *e2e.LAST)),
        (localcloud, localcloud.LONGEST_FIRST),
        (cluster, cluster.LONGEST_FIRST),
    ],
)
def test_an_ordered_file_is_in_the_suite(suite: Any, names: tuple[str, ...]) -> None:
    for name in names:
        assert Path(suite.__file__).with_name(name).exists(), name
