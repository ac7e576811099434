"""The files for ssh, and the runs of Pulumi's CLI that a command waits for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components import keys
from stack import secrets, ssh
from stack.stack import Stack

# answers `config`, and notes each run
_PULUMI = """\
#!/bin/sh
echo "$1 $2" >> "$RUNS"
cat "$VALUES"
"""
_STACK = "pulumi:pulumi:Stack"


@pytest.fixture(name="stack")
def _stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack in files, with a server and keys."""
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(_PULUMI)
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{pulumi.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VALUES", str(tmp_path / "values.json"))
    (tmp_path / "clone" / ".local").mkdir(parents=True)
    stack = Stack(
        name="local",
        clone=tmp_path / "clone",
        env={**os.environ, "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}"},
    )
    serve_at(stack, "192.0.2.7")
    configure(stack)
    return stack


def serve_at(stack: Stack, address: str) -> None:
    stored = {
        "version": 3,
        "checkpoint": {
            "latest": {"resources": [{"type": _STACK, "outputs": {"serverIp": address}}]}
        },
    }
    folder = Path(stack.env["PULUMI_BACKEND_URL"].removeprefix("file://"))
    file = folder / ".pulumi" / "stacks" / "auth" / "local.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(stored))


def configure(stack: Stack) -> str:
    """Give the stack new keys; return the public host key."""
    host_key = secrets.ssh_key()
    values = {"sshPrivateKey": secrets.ssh_key(), "sshHostKey": host_key}
    document = {f"auth:{name}": {"value": value} for name, value in values.items()}
    Path(os.environ["VALUES"]).write_text(json.dumps(document))
    stack.configuration.file.write_text(f"config: {json.dumps({**document, 'at': host_key})}")
    return keys.ed25519_public(host_key)


def runs() -> list[str]:
    file = Path(os.environ["RUNS"])
    return file.read_text().splitlines() if file.exists() else []


def test_the_second_command_of_a_person_waits_for_no_run_of_the_cli(stack: Stack) -> None:
    first = ssh.write(stack)
    again = ssh.write(stack)
    ssh.prepare(stack)

    assert first == again
    assert runs() == ["config --json"]


def test_a_new_address_and_new_keys_are_written(stack: Stack) -> None:
    _, before = ssh.write(stack)
    folder = stack.clone / ".local" / "ssh" / "local"
    serve_at(stack, "192.0.2.8")
    assert ssh.write(stack) == ("192.0.2.8", before)
    assert f"local,192.0.2.8 {before}\n" == (folder / "known_hosts").read_text()

    pinned = configure(stack)

    assert ssh.write(stack) == ("192.0.2.8", pinned)
    assert f"local,192.0.2.8 {pinned}\n" == (folder / "known_hosts").read_text()
    assert "Host 192.0.2.8\n" in (folder / "config").read_text()


def test_the_front_door_imports_neither_the_sdk_nor_its_plugins() -> None:
    """A person waits for these imports in each command: the SDK alone takes 130 ms."""
    imports = "from stack import cli, environment, first_vm, logs, overview, removal, ssh, switch"
    modules = subprocess.check_output(
        [sys.executable, "-c", f"import sys; {imports}; print(*sys.modules)"], text=True
    ).split()

    assert "stack.ssh" in modules
    assert not {"pulumi", "pulumi_command", "pulumi_oci", "oci", "grpc"} & set(modules)
