"""The exports of `make env` reach a shell unchanged."""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from common.progress import StepError
from stack import environment
from stack.stack import Stack
from toolchain import docker_engine, plugins, tools


def in_a_shell(env: Mapping[str, str], script: str) -> str:
    exports = environment.exports(Stack(name="dev", clone=Path("/clone"), env=env))
    return subprocess.run(
        ["/bin/sh", "-euc", f'eval "$1"; {script}', "sh", exports],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(
    "value", ["/a b/bin:/c", "it's", '"$HOME"', "$(touch /never)", "line\nline", "*", ""]
)
def test_a_value_reaches_the_shell_unchanged(value: str) -> None:
    assert in_a_shell({**os.environ, "VALUE": value}, 'printf %s "$VALUE"') == value


def test_a_variable_that_would_mislead_the_tools_is_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of another stack")
    env = {name: value for name, value in os.environ.items() if name != "PULUMI_CONFIG_PASSPHRASE"}

    assert in_a_shell(env, 'echo "${PULUMI_CONFIG_PASSPHRASE-unset}"') == "unset\n"


def test_what_the_shell_has_already_is_not_printed() -> None:
    stack = Stack(name="dev", clone=Path("/clone"), env={**os.environ, "NEW": "1"})

    assert environment.exports(stack) == "export NEW=1\nexport PULUMI_STACK=dev"


@pytest.mark.parametrize("of", [environment.prepare, environment.existing])
def test_no_real_tenancy_is_touched_from_a_shell_that_leads_to_the_local_stack(
    of: Callable[[Path, str], Stack], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(plugins.home(tmp_path)))

    with pytest.raises(StepError, match=r"PULUMI_HOME is .* Open a new shell for STACK=dev"):
        of(tmp_path, "dev")


@pytest.mark.parametrize(
    ("name", "command"), [("local", "make up$"), ("local-prod", "make up STACK=local-prod$")]
)
def test_a_local_stack_that_is_not_there_is_named_with_the_command_that_makes_it(
    name: str, command: str, tmp_path: Path
) -> None:
    with pytest.raises(StepError, match=rf"There is no local stack.* {command}"):
        environment.recorded(tmp_path, name)


def test_a_local_stack_beside_another_is_reached_from_a_shell_of_that_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(plugins.home(tmp_path)))
    monkeypatch.setattr(tools, "variables", lambda _: {"PATH": ""})
    (tmp_path / ".local" / "cloud").mkdir(parents=True)
    states = tmp_path / ".local" / "state" / ".pulumi" / "stacks" / "auth"
    states.mkdir(parents=True)
    for name in ("local", "local-prod"):
        (states / f"{name}.json").write_text("{}")

    first, second = (environment.recorded(tmp_path, name) for name in ("local", "local-prod"))

    assert first.env["PULUMI_BACKEND_URL"] == second.env["PULUMI_BACKEND_URL"]
    assert first.configuration.file != second.configuration.file
    assert environment.local_stacks(tmp_path) == ["local", "local-prod"]


def test_the_stack_and_its_keys_are_made_while_the_cloud_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    both = threading.Barrier(2)

    def start_cloud(_: Path) -> dict[str, Any]:
        both.wait(timeout=10)
        return {"client_host_overrides": ""}

    def complete_local(stack: Stack, _: object) -> None:
        stack.configuration.file.write_text("config: {'auth:allowPlainHttp': true}\n")

    monkeypatch.setattr(docker_engine, "ensure", lambda _: None)
    monkeypatch.setattr(tools, "variables", lambda _: {"PATH": ""})
    monkeypatch.setattr(plugins, "install", lambda *_: {})
    monkeypatch.setattr(environment, "start_cloud", start_cloud)
    monkeypatch.setattr(environment, "complete_local", complete_local)
    monkeypatch.setattr(Stack, "make", lambda _: both.wait(timeout=10))

    environment.prepare(tmp_path, "local")

    assert not both.broken
