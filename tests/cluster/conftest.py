"""The file of a cluster takes longest, also of the emulator's; the loads are shown at the end."""

import pytest

from tests.testbed.noted_loads import loads, pytest_terminal_summary
from tests.testbed.order import longest_first

__all__ = ["loads", "pytest_terminal_summary"]

LONGEST_FIRST = ("test_cluster.py",)


@pytest.hookimpl(trylast=True)  # after the emulator's tests have their order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST_FIRST)
