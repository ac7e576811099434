"""The way in to a stack's server by SSH: the stack's own key, and the host key that is pinned."""

import asyncio
import contextlib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import files
from components import advice, keys, person
from components import host_key as host_keys
from stack import unreachable
from stack.errors import StackError
from stack.stack import Stack

CONFIGURATION = "stack/ssh_config"  # committed; sshCommand names it
_RECORDED = ("rollback", "restore", "backup")
_KEYS = ("sshPrivateKey", "sshHostKey")
_TIMEOUT = "-oConnectTimeout=20"
_OPTIONS = ("-oBatchMode=yes", _TIMEOUT)


def run(stack: Stack, *argv: str, identity: str = "") -> int:
    """Run a command on the server, or a shell if `argv` is empty; return the exit status.

    `identity` is the file of an operator's own private key; by default it is the stack's key.
    """
    return _run(stack, argv, stdout=None, identity=identity).returncode


def result(stack: Stack, *argv: str, stdin: str) -> tuple[int, str]:
    """Run a command on the server, its stderr shown; return its exit status and its stdout."""
    finished = _run(stack, argv, stdout=subprocess.PIPE, stdin=stdin)
    return finished.returncode, finished.stdout


def _run(
    stack: Stack,
    argv: Sequence[str],
    *,
    stdout: int | None,
    stdin: str | None = None,
    identity: str = "",
) -> subprocess.CompletedProcess[str]:
    host, pinned = write(stack)
    command = _command(stack, host, argv, identity)
    finished = subprocess.run(
        command, cwd=stack.clone, input=stdin, stdout=stdout, text=True, check=False
    )
    if (
        finished.returncode == unreachable.SSH_FAILED
        and not _check_key(stack, host, pinned)
        and (reason := unreachable.reason(stack))
    ):
        raise StackError(reason)
    return finished


def ask(stack: Stack, *argv: str, seconds: float = 60, stdin: str = "") -> str:
    """Return the output of a command on the server; raise StackError if it fails or no answer.

    A line that somebody types meanwhile is not for the command: it answers the next question.
    """
    host, pinned = write(stack)
    try:
        result = subprocess.run(
            _command(stack, host, argv),
            cwd=stack.clone,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"the server did not answer within {seconds:.0f} s") from None
    if result.returncode == unreachable.SSH_FAILED:
        _check_key(stack, host, pinned)
    if result.returncode != 0:
        raise StackError(result.stderr.strip() or f"status {result.returncode}")
    return result.stdout


@contextlib.contextmanager
def tunnel(
    stack: Stack, port: int, to: int, *, identity: str = ""
) -> Iterator["subprocess.Popen[bytes]"]:
    """Lead `port` of this machine's loopback to port `to` of the server's; yield the process."""
    host, pinned = write(stack)
    flags = [
        *("-N", "-oExitOnForwardFailure=yes", "-oServerAliveInterval=15"),
        *("-L", f"127.0.0.1:{port}:127.0.0.1:{to}"),
    ]
    command = [*_command(stack, host, [], identity), *flags]
    with subprocess.Popen(command, cwd=stack.clone, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        except StackError:
            if process.poll() == unreachable.SSH_FAILED:
                _check_key(stack, host, pinned)
            raise
        finally:
            process.terminate()


def release_tool(command: str, *arguments: str) -> list[str]:
    """Return a command of the release tool for the service, quoted for the server's shell.

    A command that changes something names the person who runs it.
    """
    by = person.flag(person.current()) if command in _RECORDED else []
    return ["sudo", "auth-release", command, "auth", *map(shlex.quote, [*by, *arguments])]


def host_tool(command: str, *arguments: str) -> list[str]:
    """Return a command of the release tool for the whole server, quoted for its shell."""
    by = person.flag(person.current()) if command == "note" else []
    return ["sudo", "auth-release", command, *map(shlex.quote, [*by, *arguments])]


def report(stack: Stack, command: str) -> Any:
    """Return a report of the release tool on the server, from JSON: `status` or `history`."""
    text = ask(stack, *release_tool(command, "--json"))
    try:
        return json.loads(text)
    except ValueError:
        raise StackError(f"`auth-release {command}` does not answer in JSON") from None


def shows(stack: Stack, *, host_key: str) -> bool:
    """Check whether the server shows a private host key."""
    host = str(stack.outputs().get("serverIp", ""))
    pinned = keys.ed25519_public(host_key)
    try:
        return asyncio.run(host_keys.check(host, pinned, stack.name))
    except host_keys.HostKeyError:
        return False


def try_login(stack: Stack, *, login_key: str = "", host_key: str = "") -> None:
    """Log in with other private keys than the configured; raise StackError with ssh's reason."""
    result = _login(stack, login_key=login_key, host_key=host_key)
    if result.returncode != 0:
        raise StackError(f"The login with the new key failed: {result.stderr.strip()}")


def may_log_in(stack: Stack, *, login_key: str) -> bool:
    """Check whether the server takes a private key."""
    return _login(stack, login_key=login_key, host_key="").returncode == 0


def _login(stack: Stack, *, login_key: str, host_key: str) -> subprocess.CompletedProcess[str]:
    outputs, values = stack.outputs(), stack.configuration.values()
    host = str(outputs.get("serverIp", ""))
    login = login_key or values["auth:sshPrivateKey"]
    pinned = keys.ed25519_public(host_key or values["auth:sshHostKey"])
    with tempfile.TemporaryDirectory() as folder:
        key, known_hosts = Path(folder) / "key", Path(folder) / "known_hosts"
        files.write(key, login.rstrip("\n") + "\n")
        files.write(known_hosts, f"{host} {pinned}\n")
        options = (*_only(key, known_hosts), "-oIdentityAgent=none", *_OPTIONS)
        return subprocess.run(
            # the release tool, as a key may be bound to it
            ["ssh", *options, f"ubuntu@{host}", "sudo", "auth-release", "--help"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def write(stack: Stack) -> tuple[str, str]:
    """Write the key and the host key into .local/ssh/STACK; return address and host key.

    The file `config` there is for a plain `ssh ubuntu@ADDRESS` in a shell of `make env`. Files that
    are there, of the same configuration and address, stay: to decrypt the keys takes a run of the
    CLI.
    """
    return _write(stack, stack.outputs())


def _write(stack: Stack, outputs: Mapping[str, Any]) -> tuple[str, str]:
    host = str(outputs.get("serverIp", ""))
    if not host:
        raise StackError(
            f"The stack {stack.name} has no server yet. Make it: {advice.make('up', stack.name)}"
        )
    folder = stack.clone / ".local" / "ssh" / stack.name
    key, known_hosts, source = (folder / name for name in ("key", "known_hosts", "source"))
    digest = _digest(stack.configuration.file, host)
    if key.exists() and known_hosts.exists() and source.exists() and source.read_text() == digest:
        return host, known_hosts.read_text().partition(" ")[2].strip()
    values = stack.configuration.values()
    login, host_key = (values.get(f"auth:{name}", "") for name in _KEYS)
    if not (login and host_key):
        raise StackError(
            f"auth:{' or auth:'.join(_KEYS)} is not set in {stack.configuration.file.name}: the "
            "server was made with both, and can't be reached without. Put them back."
        )
    pinned = keys.ed25519_public(host_key)
    # the CLI drops the newline at its end, which ssh insists on
    files.write(key, login.rstrip("\n") + "\n")
    files.write(known_hosts, f"{stack.name},{host} {pinned}\n")
    files.write(folder / "config", _block(stack.name, host, folder))
    files.write(source, digest)  # last: the others are whole
    return host, pinned


def _digest(configuration: Path, host: str) -> str:
    """Return a digest of the files' source: the configuration, secrets encrypted, and the host."""
    text = configuration.read_bytes() if configuration.exists() else b""
    return hashlib.sha256(host.encode() + b"\0" + text).hexdigest()


def prepare(stack: Stack) -> dict[str, Any]:
    """Let `ssh -F` in the clone, and `ssh` in a shell of `make env`, reach the server if any.

    Returns the stack's outputs.
    """
    outputs = stack.outputs()
    with contextlib.suppress(StackError):
        _write(stack, outputs)
    _link(stack.clone)
    return outputs


def _link(clone: Path) -> None:
    """Put an `ssh` on the PATH of `make env` that knows the servers of this clone's stacks.

    For other hosts it is the system's with the user's own configuration.
    """
    folder, servers = clone / ".local" / "bin", clone / ".local" / "ssh"
    others = [entry for entry in os.get_exec_path() if Path(entry) != folder]
    system = shutil.which("ssh", path=os.pathsep.join(others))
    if system:
        configuration = servers / "config"
        files.write(
            configuration,
            f"Include {_quoted(servers / '*' / 'config')}\n"
            "Match all\n    Include ~/.ssh/config\n    Include /etc/ssh/ssh_config\n",
        )
        launcher = (
            f'#!/bin/sh\nexec {shlex.quote(system)} -F {shlex.quote(str(configuration))} "$@"\n'
        )
        files.write(folder / "ssh", launcher, mode=0o700)


def _check_key(stack: Stack, host: str, pinned: str) -> bool:
    """Return whether the server answers; raise StackError if with another host key."""
    try:
        return asyncio.run(host_keys.check(host, pinned, stack.name))
    except host_keys.HostKeyError as error:
        raise StackError(str(error)) from None


def _command(stack: Stack, host: str, argv: Sequence[str], identity: str = "") -> list[str]:
    options: tuple[str, ...] = ("-F", CONFIGURATION, *_OPTIONS)
    if identity:
        # this key alone: another key would log in with other rights; ssh may ask for its passphrase
        known_hosts = stack.clone / ".local" / "ssh" / stack.name / "known_hosts"
        options = (*_only(identity, known_hosts), _TIMEOUT)
    # the host key belongs to the stack's name, also when the server's address changes
    return ["ssh", *options, f"-oHostKeyAlias={stack.name}", f"ubuntu@{host}", *argv]


def _only(identity: str | Path, known_hosts: Path) -> tuple[str, ...]:
    """Return ssh's options for a single key and the pinned host key, without any configuration."""
    return (
        *("-F", "none", "-i", str(identity), "-oIdentitiesOnly=yes"),
        *(f"-oUserKnownHostsFile={_quoted(known_hosts)}", "-oGlobalKnownHostsFile=/dev/null"),
        "-oStrictHostKeyChecking=yes",
    )


def _block(name: str, host: str, folder: Path) -> str:
    lines = {
        "HostKeyAlias": name,
        "IdentityFile": _quoted(folder / "key"),
        "UserKnownHostsFile": _quoted(folder / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "PasswordAuthentication": "no",
        "StrictHostKeyChecking": "yes",
    }
    return "".join([f"Host {host}\n", *(f"    {key} {value}\n" for key, value in lines.items())])


def _quoted(path: Path) -> str:
    # ssh expands a % with its next character, and splits at spaces
    return f'"{str(path).replace("%", "%%")}"'
