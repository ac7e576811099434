"""The commands of the runbook that no other file executes, and those of a lost state."""

import shutil
import time

import httpx
import pytest

from tests.testbed import runbook
from tests.testbed.clone import Clone
from tests.testbed.server import Server


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (("proof", "AT=proven"), "The copy proven, with the data of "),
        (("exec", "CMD=python -m auth --help"), "usage: "),
        (("unlock",), "No run holds the stack local: there is nothing to free."),
        (("ssh",), ""),  # a shell whose input ends at once
    ],
    ids=["proof", "exec", "unlock", "ssh"],
)
def test_a_command_of_an_operator_works(
    clone: Clone, command: tuple[str, ...], answer: str
) -> None:
    if "AT=proven" in command:
        assert clone.make("backup", "NAME=proven").status == 0

    ended = clone.make(*command)

    assert ended.status == 0
    assert answer in ended.output


def test_a_lost_state_comes_back_by_the_commands_of_the_runbook(
    clone: Clone, server: Server, url: str, request: pytest.FixtureRequest
) -> None:
    assert clone.make("up").status == 0  # other tests release by the tool alone
    instance, outputs = server.instance, clone.outputs()
    pulumi = clone.path / ".local" / "state" / ".pulumi"
    state = pulumi / "stacks" / "auth" / "local.json"
    # an earlier version, as a bucket has it
    newest = max((pulumi / "history" / "auth" / "local").glob("*.checkpoint.json"))
    version = clone.path / "dev.json"
    shutil.copy(newest, version)
    kept = state.with_name("kept")
    state.rename(kept)
    state.with_name("local.json.bak").unlink(missing_ok=True)
    began = time.monotonic()
    try:
        assert "A lost state comes back: docs/runbook.md" in clone.make("status").output
        for command in ("up", "preview"):
            refused = clone.make(command)
            assert refused.status != 0
            assert f"the stack's server is there: auth-local, RUNNING, {instance}" in refused.output
            assert "make state FROM=FILE" in refused.output

        for command in runbook.commands("The state is lost"):
            assert clone.run("bash", "-c", command).status == 0, command
        figures = f"the state is back after {time.monotonic() - began:.0f} s"
        request.node.user_properties.append(("load", figures))
    finally:
        version.unlink()
        # the other tests of this stack need a state, with any result
        if state.exists():
            kept.unlink()
        else:
            kept.rename(state)

    assert server.instance == instance, "there is another VM"
    assert clone.outputs() == outputs
    assert httpx.get(f"{url}/readyz", timeout=30, trust_env=False).is_success
    unchanged = clone.shell("pulumi preview --stack local --expect-no-changes")
    assert unchanged.status == 0, unchanged.output
