"""Two local stacks side by side: the image of `local` runs on the other, and none is built."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.testbed.clone import Clone
from tests.testbed.server import Server

OTHER = "local-prod"


@pytest.fixture(name="branch")
def _branch(clone: Clone) -> Iterator[None]:
    """Go back to the clone's branch, and drop those of promotions."""
    own = clone.run("git", "branch", "--show-current").output.strip()
    yield
    assert clone.run("git", "switch", "--quiet", own).status == 0
    format_of_names = "--format=%(refname:short)"
    made = clone.run("git", "branch", "--list", "promote/*", format_of_names).output.split()
    assert not made or clone.run("git", "branch", "-D", *made).status == 0


def status(clone: Clone, stack: str) -> dict[str, Any]:
    result = clone.run("python3", "-m", "stack", "status", "--stack", stack, "--json")
    assert result.status == 0, result.output
    return dict(json.loads(result.output))


def promote(clone: Clone) -> tuple[int, str]:
    result = clone.make("promote", "FROM=local", f"TO={OTHER}")
    return result.status, result.output


@pytest.mark.usefixtures("branch")
def test_the_image_of_a_stack_runs_on_another_beside_it_without_a_build(
    clone: Clone, server: Server, url: str
) -> None:
    live = server.status()["live"]
    promoted, output = promote(clone)
    assert promoted == 0, output
    assert f"Next: make up STACK={OTHER}" in output
    try:
        up = clone.make("up", f"STACK={OTHER}")
        assert up.status == 0, up.output

        other = status(clone, OTHER)["live"]
        assert (other["image"], other["revision"]) == (live["image"], live["revision"])
        assert "docker:index:Image" not in up.output, "an image was built"
        other_url = up.output.rpartition("\nurl ")[2].split()[0]
        assert other_url != url
        for each in (url, other_url):
            assert httpx.get(f"{each}/readyz", trust_env=False).status_code == httpx.codes.OK
        assert server.status()["live"]["release"] == live["release"]
    finally:
        down = clone.make("down", f"STACK={OTHER}")
    assert down.status == 0, down.output
    assert "The emulated cloud stays, for local." in down.output
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == httpx.codes.OK
    assert clone.run("git", "status", "--porcelain").output == ""


@pytest.mark.usefixtures("branch")
def test_a_release_that_does_not_run_is_not_promoted(clone: Clone, server: Server) -> None:
    container = f"auth-{server.status()['live']['release']}"
    with server.without_supervisor():
        server.must("sudo", "docker", "stop", container)
        try:
            promoted, output = promote(clone)
        finally:
            server.must("sudo", "docker", "start", container)

    assert promoted != 0
    assert "Nothing of local is promoted, as its live release must be healthy" in output
    assert clone.run("git", "branch", "--list", "promote/*").output == ""
