"""A stack for all tests: a clone of its own, brought up by `make up` as a newcomer would."""

from collections.abc import Iterator

import pytest

from tests.testbed import load
from tests.testbed.clone import Clone, copy_to


@pytest.fixture(scope="session", name="clone")
def _clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """Yield a clone with a running stack; take it down at the end, after a failure too."""
    clone = copy_to(tmp_path_factory.mktemp("e2e") / "clone")
    try:
        up = clone.make("up")
        assert up.status == 0, f"`make up` failed:\n{up.output[-4000:]}"
        yield clone
    finally:
        clone.make("down")


@pytest.fixture(scope="session", name="url")
def _url(clone: Clone) -> str:
    return str(clone.outputs()["url"])


@pytest.fixture(name="pristine")
def _pristine(clone: Clone) -> Iterator[None]:
    """Undo a test's changes of the clone's sources, and bring the stack back to them."""
    yield
    assert clone.run("git", "checkout", "--quiet", ".").status == 0
    assert clone.make("up").status == 0


@pytest.fixture(autouse=True)
def _loads(request: pytest.FixtureRequest) -> Iterator[None]:
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
