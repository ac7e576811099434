"""The loads of a test on a service, shown at the end of the run: a conftest imports both names."""

from collections.abc import Iterator

import pytest

from tests.testbed import load


@pytest.fixture(autouse=True, name="loads")
def loads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note the results of a test's loads on the service."""
    load.FINISHED.clear()
    yield
    request.node.user_properties.extend(("load", str(finished)) for finished in load.FINISHED)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how many requests each load sent and lost, of tests that passed as well."""
    everything = (report for group in terminalreporter.stats.values() for report in group)
    reports = [report for report in everything if getattr(report, "when", "") == "teardown"]
    lines = [
        f"{report.head_line}: {text}"
        for report in sorted(reports, key=lambda report: report.nodeid)
        for name, text in report.user_properties
        if name == "load"
    ]
    if lines:
        terminalreporter.section("requests under load")
        terminalreporter.line("\n".join(lines))
