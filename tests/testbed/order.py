"""The order of test files: the longest begin first, so that the processes end together."""

import pytest


def longest_first(
    items: list[pytest.Item], names: tuple[str, ...], last: tuple[str, ...] = ()
) -> None:
    """Move the tests of the named files to the front, and of `last` to the end, in this order.

    The tests of a file keep their order.
    """
    first = {name: place for place, name in enumerate(names)}
    end = {name: len(names) + 1 + place for place, name in enumerate(last)}
    places = {**first, **end}
    items.sort(key=lambda item: places.get(item.path.name, len(names)))
