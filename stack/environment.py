"""The environment variables with which the Pulumi CLI finds its plugins, state and secrets."""

import dataclasses
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import progress
from common.clone import states
from components import advice
from stack import locks, secrets
from stack.local_stack import complete_local, needs_authority, on_cluster
from stack.names import LOCAL, is_local
from stack.stack import Stack
from toolchain import (
    authority,
    docker_engine,
    engine,
    kubernetes,
    kubernetes_plugin,
    plugins,
    tools,
    venv,
)


def prepare(clone: Path, stack_name: str) -> Stack:
    """Get the tools for changes of the stack, and start a local stack's cloud."""
    _check_shell(stack_name)
    docker_engine.ensure(clone)
    stack = Stack(name=stack_name, clone=clone, env=tools.variables(clone))
    if not is_local(stack_name):
        plugins.require(clone, stack.env, stack_name)
        if on_cluster(stack):
            kubernetes_plugin.ensure(clone, stack.env, local=False)
        return stack
    _name_standins(plugins.install(clone, stack.env))
    stack = _with_state(stack)
    # a first run makes the stack and its keys while the cloud starts
    with ThreadPoolExecutor(1) as beside:
        keys = beside.submit(stack.make)
        cloud = start_cloud(clone)
        keys.result()
    stack = _with_cloud(stack, cloud)
    if on_cluster(stack):
        _start_kubernetes(stack)
    if needs_authority(stack):
        complete_local(stack, {**cloud, "authority": _start_authority(clone)})
    return stack


def existing(clone: Path, stack_name: str) -> Stack:
    """Return the stack for a command of the engine that changes nothing: nothing is started."""
    stack = recorded(clone, stack_name)
    if not is_local(stack_name):
        return stack
    # `make env` leads plain `pulumi` to them
    plugins.install(clone, stack.env)
    return _with_cloud(stack, describe_cloud(clone))


def recorded(clone: Path, stack_name: str) -> Stack:
    """Return the stack for a command that reads its state and asks its server, without its cloud.

    It costs a stat for each tool, since it is what a person waits for in `make status`.
    """
    _check_shell(stack_name)
    if is_local(stack_name) and not _is_made(clone, stack_name):
        which = "" if stack_name == LOCAL else f" {stack_name}"
        command = advice.make("up", stack_name)
        raise progress.StepError(f"There is no local stack{which}. Make it: {command}")
    stack = Stack(name=stack_name, clone=clone, env=tools.variables(clone))
    return _with_state(stack) if is_local(stack_name) else stack


def unprepared(clone: Path, stack_name: str) -> Stack:
    """Return the stack for a look at its files alone."""
    return Stack(name=stack_name, clone=clone, env={})


def local_stacks(clone: Path) -> list[str]:
    """Return the names of the local stacks that have a state; they share an emulated cloud."""
    return list(filter(is_local, states(clone)))


def _is_made(clone: Path, stack_name: str) -> bool:
    cloud = (clone / ".local" / "cloud").exists()
    return cloud and (stack_name == LOCAL or stack_name in local_stacks(clone))


def exports(stack: Stack) -> str:
    """Return shell commands that lead another shell to the stack as this process is."""
    # plain `pulumi` then means this stack, without an argument or a selection on disk
    env = {**stack.env, "PULUMI_STACK": stack.name}
    changed = {name: value for name, value in env.items() if os.environ.get(name) != value}
    removed = sorted(set(os.environ) - set(stack.env))
    return "\n".join(
        [f"export {name}={shlex.quote(value)}" for name, value in sorted(changed.items())]
        + [f"unset {name}" for name in removed]
    )


def start_cloud(clone: Path) -> dict[str, Any]:
    return _started(clone, "start")


def describe_cloud(clone: Path) -> dict[str, Any]:
    """Return the description of the emulated cloud, which is not started for that."""
    result = subprocess.run(
        _localcloud_command(clone, "describe"),
        cwd=clone,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise progress.StepError(f"The emulated Oracle Cloud: {result.stderr.strip()}")
    return dict(json.loads(result.stdout))


def _start_authority(clone: Path) -> dict[str, Any]:
    """Start the cloud's certificate authority; it is built on first use."""
    return _started(clone, "authority", "--program", str(authority.ensure(clone)))


def _start_kubernetes(stack: Stack) -> None:
    """Let the cloud make clusters; their program and the plugin are built on first use."""
    kubernetes_plugin.ensure(stack.clone, stack.env, local=True)
    _run(stack.clone, "kubernetes", "--program", str(kubernetes.ensure(stack.clone)))


def _started(clone: Path, command: str, *flags: str) -> dict[str, Any]:
    return dict(json.loads(_run(clone, command, *flags)))


def _run(clone: Path, command: str, *flags: str) -> str:
    """Run a command of the emulated cloud, which shows its own progress; return its output."""
    result = subprocess.run(
        [*_localcloud_command(clone, command), *flags],
        cwd=clone,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise progress.StepError("The emulated Oracle Cloud did not start, for the reason above.")
    return result.stdout


def stop_cloud(clone: Path) -> None:
    if (clone / ".local" / "cloud").exists():
        result = subprocess.run(_localcloud_command(clone, "stop"), cwd=clone, check=False)
        if result.returncode != 0:
            raise progress.StepError(
                "The emulated Oracle Cloud did not stop, for the reason above."
            )


def _check_shell(stack_name: str) -> None:
    """Refuse to work on a real tenancy in a shell whose variables lead to a local stack."""
    if not is_local(stack_name) and plugins.in_local_shell():
        raise progress.StepError(
            f"PULUMI_HOME is {os.environ['PULUMI_HOME']!r}: `make env` led this shell to a local "
            f"stack, its state and its emulated cloud. Open a new shell for STACK={stack_name}."
        )


def _name_standins(kinds: Mapping[str, plugins.Choice]) -> None:
    standins = [name for name, kind in kinds.items() if kind == "standin"]
    if standins:
        print(
            f"Plugins: our stand-ins for {', '.join(standins)}.\n"
            "  docs/adr/0002-engine-and-plugins.md gives the reason.",
            file=sys.stderr,
        )


def _with_state(stack: Stack) -> Stack:
    """Lead a local stack to its state and its secrets."""
    home = stack.clone / ".local"
    (home / "state").mkdir(parents=True, exist_ok=True)
    locks.drop_stale(home / "state")
    env = {
        **stack.env,
        "PULUMI_HOME": str(plugins.home(stack.clone)),
        "PULUMI_BACKEND_URL": _backend(stack.clone),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(secrets.passphrase(home / "secrets" / "passphrase")),
        "PULUMI_OPTION_CONFIG_FILE": str(stack.configuration.file),
    }
    env.pop("PULUMI_CONFIG_PASSPHRASE", None)  # it would win over the file
    if plugins.on_path(env) and engine.has_language_host(env):
        # the engine would prefer the plugins on PATH to those in its home, and warn in each run
        env["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    return dataclasses.replace(stack, env=env)


def _with_cloud(stack: Stack, cloud: Mapping[str, Any]) -> Stack:
    """Lead a local stack to its emulated cloud as well, and complete its configuration."""
    stack = _with_state(stack)
    env = {**stack.env, "CLIENT_HOST_OVERRIDES": cloud["client_host_overrides"]}
    stack = dataclasses.replace(stack, env=env)
    complete_local(stack, cloud)
    return stack


def _backend(clone: Path) -> str:
    return f"file://{clone / '.local' / 'state'}"


def _localcloud_command(clone: Path, command: str) -> list[str]:
    home = str(clone / ".local" / "cloud")
    return [str(venv.python(clone)), "-m", "localcloud", command, "--home", home]
