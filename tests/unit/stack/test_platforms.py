"""The platform of a stack, by its files, and the commands that one without a server refuses."""

from pathlib import Path

import pytest

from common.progress import StepError
from stack import platforms
from stack.cluster import refusals
from stack.stack import Stack


@pytest.mark.parametrize(
    ("platform", "is_cluster"), [("cluster", True), ("server", False), ("", False)]
)
def test_the_configuration_names_the_platform(
    tmp_path: Path, platform: str, is_cluster: bool
) -> None:
    value = f"  auth:platform: {platform}\n" if platform else "  auth:nodes: 2\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n{value}")

    assert platforms.is_cluster(Stack(name="dev", clone=tmp_path, env={})) is is_cluster


def test_a_local_stack_has_its_platform_before_its_first_update(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local-cluster.yaml").write_text("config:\n  auth:platform: cluster\n")

    assert platforms.is_cluster(Stack(name="local-cluster", clone=tmp_path, env={}))


@pytest.mark.parametrize(
    ("command", "key", "words"),
    [
        ("ssh", "", ("make ssh: dev runs on a cluster", "`make exec CMD=", "STACK=dev`")),
        ("new-vm", "", ("make new-vm: dev", "replaces a lost node", "`make status STACK=dev`")),
        ("restore", "", ("make restore: dev", "PostgreSQL", "docs/postgresql.md")),
        ("rotate", "registry", ("auth:registryPullPassword", "`make up STACK=dev`")),
        ("rotate", "host", ("make rotate KEY=host: dev", "no server with a host key")),
    ],
)
def test_a_command_that_means_a_server_is_refused_with_the_reason_and_the_other_way(
    command: str, key: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(StepError) as refused:
        refusals.refuse(command, "dev", key=key)

    message = str(refused.value)
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize(("command", "key"), [("status", ""), ("rotate", "api")])
def test_other_commands_are_let_through(command: str, key: str) -> None:
    refusals.refuse(command, "dev", key=key)
