"""A stack for the files of a process: a clone, brought up by `make up` as a newcomer would."""

import time
from collections.abc import Iterator

import pytest

from tests.testbed import load
from tests.testbed.clone import Clone, copy_to
from tests.testbed.noted_loads import loads, pytest_terminal_summary
from tests.testbed.order import longest_first
from tests.testbed.server import TOOL, Server

__all__ = ["loads", "pytest_terminal_summary"]

# the last file takes the stack away that the files before it share
LONGEST_FIRST = (
    *("test_interruptions.py", "test_releases.py", "test_review.py", "test_drift.py"),
    *("test_alarms.py", "test_dashboard.py", "test_certificates.py", "test_fleet.py"),
    *(
        "test_postgresql.py",
        "test_refusals.py",
        "test_proxy.py",
        "test_rotation.py",
        "test_region.py",
    ),
    *("test_promotion.py", "test_os.py"),
)
LAST = ("test_stack.py", "test_down.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST_FIRST, last=LAST)


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


@pytest.fixture(scope="module", name="server")
def _server(clone: Clone) -> Server:
    return Server.of(clone)


@pytest.fixture(autouse=True)
def _at_rest(request: pytest.FixtureRequest) -> None:
    """Begin no test during the watch or the drain of a release that the test before it made.

    A fault in a watch goes back to the former release, and that is another behaviour.
    """
    if "server" in request.fixturenames:
        server: Server = request.getfixturevalue("server")
        server.containers_at_rest()


@pytest.fixture(scope="module", name="desired")
def _desired(server: Server) -> str:
    """Return the desired state as the program has it."""
    return server.desired()


@pytest.fixture(name="restored")
def _restored(clone: Clone, server: Server, desired: str) -> Iterator[None]:
    """Bring back the program's desired state: after each of these tests it must converge."""
    yield
    if clone.run("git", "status", "--porcelain").output:
        clone.run("git", "checkout", "--quiet", ".")
        assert clone.make("up").status == 0
    else:
        server.must(*TOOL, "apply", stdin=desired)
    status = server.status()
    assert status["running"]
    assert status["differs"] == []
    assert server.containers_at_rest() == [f"auth-{status['live']['release']}"]


@pytest.fixture(name="load")
def _load(url: str, server: Server) -> Iterator[load.Load]:
    """Keep a load on the service; in the end no request of it may have failed."""
    with load.Load(url) as requests:
        time.sleep(2)
        yield requests
    assert requests.sent > 0
    if requests.failures:
        print(server.run("sudo", "journalctl", "-u", "caddy", "--grep", "error", "-n", "50").output)
    assert requests.failures == []
