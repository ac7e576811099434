"""Wrong arguments are refused with the way out, and a stopped update names its release."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common import command_line
from common.progress import StepError
from stack import cli, environment, secrets, ssh
from stack.configuration import Configuration
from stack.stack import Stack
from tests.unit.stack import test_local_stack
from toolchain import engine, tools

# asks the command that started it to stop, as Ctrl-C does, and fails as the CLI then does
PULUMI = r"""#!/bin/sh
[ "$1 $2" = "stack ls" ] && echo '[{"name": "dev"}]' && exit
vm='{"type": "oci:Core/instance:Instance"}'
[ "$1 $2" = "stack export" ] && echo "{\"deployment\": {\"resources\": [$vm]}}" && exit
kill -INT $PPID
sleep 1
exit 1
"""


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["status", "--stack", "nope"], ("STACK is 'nope'", "dev, local", "make init STACK=nope")),
        (["status", "--stack", "No!"], ("STACK is 'No!'", "lower-case letters", "STACK=dev")),
        (["rollback", "--to", "abc"], ("TO is 'abc'", "number of a release", "`make history`")),
        (["rollback", "--to", "0"], ("TO is '0'", "The first has number 1", "`make history`")),
        (["exec"], ("CMD is empty", "make exec CMD=")),
        (["rotate", "--key", "all"], ("KEY is 'all'", "ssh, host, signing", "make rotate KEY=ssh")),
        (["restore"], ("AT is empty", "make restore AT=", "`make backups`")),
        (["move-database", "--to", "mysql"], ("TO is 'mysql'", "postgresql or sqlite")),
        (["move-database", "--to", "sqlite", "--over", "1"], ("OVER is '1'", "must be yes")),
        (["restore", "--at", "x", "--over", "1"], ("OVER is '1'", "must be yes")),
    ],
)
def test_a_wrong_argument_is_named_with_its_value_the_rule_and_the_way_out(
    argv: list[str], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv) == 1

    message = capsys.readouterr().err
    assert [word for word in words if word not in message] == [], message
    assert "usage:" not in message


def test_a_stopped_update_says_that_a_release_may_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    stack = Stack(name="dev", clone=tmp_path, env=os.environ)
    monkeypatch.setattr(environment, "prepare", lambda *_: stack)

    assert cli.main(["up", "--stack", "dev"]) == command_line.INTERRUPTED

    message = capsys.readouterr().err
    assert "Nothing is lost" in message
    assert "may go on, on the server: `make status STACK=dev`" in message
    assert "failed with status" not in message


@pytest.fixture(name="started")
def _started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make a clone with a local stack and programs that answer; list the programs that start."""
    key = secrets.ssh_key()
    cloud = json.dumps(test_local_stack.cloud(tmp_path) | {"client_host_overrides": ""})
    answers = {
        "pulumi": '[ "$1" = config ] && exec cat "$0.json"; true',
        "ssh": 'echo "Release 1 of auth is live and runs."',
        "docker": 'echo "Docker version 20.10.24"',
        ".venv/bin/python": f"echo '{cloud}'",  # of the emulated cloud
    }
    for name, answer in answers.items():
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{answer}\n")
        program.chmod(0o755)
    configured = {f"auth:{name}": {"value": key} for name in ("sshPrivateKey", "sshHostKey")}
    (tmp_path / "pulumi.json").write_text(json.dumps(configured))
    test_local_stack.commit(tmp_path, {"auth:allowPlainHttp": True})
    (tmp_path / ".local" / "cloud").mkdir(parents=True)
    present = {f"auth:{name}": {"secure": "v1:…"} for name in test_local_stack.SECRETS}
    (tmp_path / ".local" / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": present}))
    state = tmp_path / ".local" / "state" / ".pulumi" / "stacks" / "auth" / "local.json"
    state.parent.mkdir(parents=True)
    resources = [
        {"type": "pulumi:pulumi:Stack", "outputs": {"serverIp": "192.0.2.1"}},
        {"type": "oci:Core/instance:Instance", "urn": "urn:pulumi:local::auth::vm::auth-vm"},
    ]
    state.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))
    monkeypatch.setattr(cli, "CLONE", tmp_path)
    monkeypatch.setattr(engine, "ensure", lambda _: tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PLUGINS", "standin")
    monkeypatch.delenv("OFFICIAL_PLUGINS", raising=False)
    tools.variables(tmp_path)  # finds the Docker client once
    started: list[str] = []
    start = subprocess.Popen.__init__

    def counted(process: Any, argv: Any, *args: Any, **options: Any) -> None:
        started.append(" ".join([Path(argv[0]).name, *argv[1:2]]))
        start(process, argv, *args, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    return started


@pytest.mark.parametrize("command", ["status", "logs"])
def test_status_and_logs_start_ssh_alone_once_its_files_are_written(
    started: list[str], command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = cli.parser().parse_args([command])
    assert cli.on_stack(arguments) == 0
    assert started == ["pulumi config", "ssh -F"]
    started.clear()

    assert cli.on_stack(arguments) == 0

    assert started == ["ssh -F"]
    assert "is live and runs" in capfd.readouterr().out


def test_an_update_without_a_change_starts_the_cli_once(
    started: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = cli.parser().parse_args(["up"])
    assert cli.on_stack(arguments) == 0  # the first one writes the files of ssh
    started.clear()

    assert cli.on_stack(arguments) == 0

    # the emulated cloud's own command is the Python
    assert started == ["docker version", "python -m", "pulumi up"]
    assert "serverIp    192.0.2.1" in capfd.readouterr().out


# as the CLI is while it draws: it reads Ctrl-C as a key, and only its log has a trace of that
STOPPED_BY_A_KEY = r"""#!/bin/sh
[ "$1 $2" = "stack ls" ] && echo '[{"name": "dev"}]' && exit
vm='{"type": "oci:Core/instance:Instance"}'
[ "$1 $2" = "stack export" ] && echo "{\"deployment\": {\"resources\": [$vm]}}" && exit
for word; do [ "$before" = --event-log ] && log=$word; before=$word; done
echo '{"timestamp": 1, "stdoutEvent": {"message": "^C received; cancelling. If you"}}' > "$log"
exit 1
"""


def update(
    pulumi: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, command: str = "up"
) -> int:
    (tmp_path / "pulumi").write_text(pulumi)
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    stack = Stack(name="dev", clone=tmp_path, env=os.environ)
    monkeypatch.setattr(environment, "prepare", lambda *_: stack)
    return cli.main([command, "--stack", "dev"])


@pytest.mark.parametrize("command", ["up", "preview"])
def test_ctrl_c_that_the_drawing_cli_reads_as_a_key_is_no_failure(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = update(STOPPED_BY_A_KEY, tmp_path, monkeypatch, command=command)

    message = capsys.readouterr().err
    assert status == command_line.INTERRUPTED, message
    assert "Stopped." in message
    assert "failed with status" not in message


@pytest.mark.parametrize("made", [{}, {"made": True}], ids=["an earlier tool", "this tool"])
def test_a_rollback_names_the_effect_of_a_second_one(
    made: dict[str, bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = roll_back(made, tmp_path, monkeypatch, capsys)

    assert "`make rollback STACK=dev` again would return to the release that was live" in printed
    assert "`make preview STACK=dev` shows whether" in printed


def test_a_rollback_to_the_version_that_runs_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = roll_back({"made": False}, tmp_path, monkeypatch, capsys)

    assert "Release 5 is live, and runs this image and configuration already." in printed
    assert "would return" not in printed


def roll_back(
    changes: dict[str, bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Roll back on a server with this result, and return the printed text."""
    release = {"release": 5, "note": "roll back to 3", "image": "i", "revision": "r", **changes}
    stack = Stack(name="dev", clone=tmp_path, env=os.environ)
    monkeypatch.setattr(environment, "recorded", lambda *_: stack)
    monkeypatch.setattr(Configuration, "registry_login", lambda _: "{}")
    monkeypatch.setattr(ssh, "result", lambda *_, **__: (0, json.dumps(release)))

    assert cli.main(["rollback", "--stack", "dev"]) == 0

    return capsys.readouterr().out


def test_a_renewal_is_refused_for_a_server_before_anything_is_started() -> None:
    arguments = cli.parser().parse_args(["renew", "--stack", "local"])

    with pytest.raises(StepError, match="whose proxy gets and renews its certificate itself"):
        cli.on_stack(arguments)
