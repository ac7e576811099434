"""The loads on a cluster are shown at the end."""

from tests.testbed.noted_loads import loads, pytest_terminal_summary

__all__ = ["loads", "pytest_terminal_summary"]
