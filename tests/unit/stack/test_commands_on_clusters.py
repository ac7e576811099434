"""Each command on a stack whose platform is a cluster: it is refused at once, or let through."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from common.progress import StepError
from review import cli as review_cli
from review import commands as review_commands
from stack import cli, environment

# a command, perhaps with a flag, and words of its refusal
REFUSED = {
    "ssh": "no server to log in to",
    "login": "no server to log in to",
    "os-upgrade": "images of the nodes",
    "new-vm": "replaces a lost node",
    "dashboard": "store of metrics",
    "dashboard --port 80": "store of metrics",
    "move-database": "PostgreSQL always",
    **dict.fromkeys(("bucket", "backup", "backups", "proof", "restore"), "docs/postgresql.md"),
    "restore --over 1": "docs/postgresql.md",
    "rotate": "KEY is ''; on a cluster it must be signing or api, such as make rotate KEY=signing",
    "rotate --key all": "KEY is 'all'; on a cluster it must be signing or api",
    "rotate --key ssh": "no server to log in to",
    "rotate --key host": "no server with a host key",
    "rotate --key registry": "auth:registryPullPassword",
}
LET_THROUGH = {
    *("up", "preview", "down", "retire", "unlock", "init", "env", "state", "cost", "renew"),
    *("status", "logs", "history", "rollback", "exec id"),
    *("alarms", "alerts", "silence"),
    *("rotate --key signing", "rotate --key api"),
}
REFUSED_OF_REVIEW = {
    "drill": "docs/postgresql.md",
    "pr-stack": r"make pr-stack: dev runs on a cluster.*no domain.*Pulumi\.pr-12\.yaml",
}
LET_THROUGH_OF_REVIEW = {
    *("comment", "reviewed", "build", "live", "scanned", "smoke", "released", "evidence"),
    *("promotable", "renewal-due", "renewed", "renewal-branch", "ssh-open", "ssh-close"),
    *("drift", "images"),
}


class _StartedError(Exception):
    """The command went on to the stack."""


@pytest.fixture(autouse=True)
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a clone with a stack on a cluster, in which nothing can be prepared."""
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  auth:platform: cluster\n  auth:database: postgresql\n"
    )

    def started(*_: object) -> None:
        raise _StartedError

    for module in (cli, review_commands):
        monkeypatch.setattr(module, "CLONE", tmp_path)
    for name in ("prepare", "existing", "recorded"):
        monkeypatch.setattr(environment, name, started)


def _run(command: str) -> None:
    name, *flags = command.split()
    cli.on_stack(cli.parser().parse_args([name, "--stack", "dev", *flags]))


@pytest.mark.parametrize("command", REFUSED)
def test_a_command_that_means_a_server_is_refused_before_any_question(command: str) -> None:
    with pytest.raises(StepError) as refused:
        _run(command)
    assert REFUSED[command] in str(refused.value)


@pytest.mark.parametrize("command", sorted(LET_THROUGH))
def test_another_command_goes_on_to_the_stack(command: str) -> None:
    with pytest.raises(_StartedError):
        _run(command)


@pytest.mark.parametrize("command", REFUSED_OF_REVIEW)
def test_a_refused_command_of_the_review_is_no_failure(command: str) -> None:
    run = {"drill": review_commands.drill, "pr-stack": review_commands.pr_stack}[command]
    name = "pr-12" if command == "pr-stack" else "dev"
    arguments = review_cli.parser().parse_args([command, "--stack", name])
    with pytest.raises(StepError, match=REFUSED_OF_REVIEW[command]) as refused:
        run(arguments)
    assert "failed" not in str(refused.value)


def test_a_pull_request_may_have_a_file_of_its_own_beside_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.pr-12.yaml").write_text("config:\n  auth:platform: server\n")
    arguments = review_cli.parser().parse_args(["pr-stack", "--stack", "pr-12"])
    with pytest.raises(_StartedError):
        review_commands.pr_stack(arguments)


def test_each_command_of_a_stack_is_refused_or_let_through() -> None:
    """A new command has to be put into one of the tables."""
    assert _names(cli.parser()) == {each.split()[0] for each in {*REFUSED, *LET_THROUGH}}
    of_review = {*REFUSED_OF_REVIEW, *LET_THROUGH_OF_REVIEW}
    assert _with_stack(review_cli.parser()) == of_review


def _names(parser: argparse.ArgumentParser) -> set[str]:
    return set(_subparsers(parser))


def _with_stack(parser: argparse.ArgumentParser) -> set[str]:
    return {
        name
        for name, each in _subparsers(parser).items()
        if any(action.dest == "stack" for action in each._actions)
    }


def _subparsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    (action,) = parser._subparsers._group_actions  # type: ignore[union-attr]
    assert isinstance(action.choices, Mapping)
    return action.choices
