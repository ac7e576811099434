"""Stands in for the `command` plugin: `remote.Command`, over real SSH."""

import asyncio
import contextlib
import json
import os
import signal
import uuid
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from common import property_values
from components import host_key, ssh_client
from standins import provider, values
from standins.resource import Context, ProviderError
from standins.values import Properties

if TYPE_CHECKING:
    import asyncssh

_FIRST_PAUSE, _PAUSE_FACTOR, _LONGEST_PAUSE = 0.1, 1.5, 5.0
_KEEPALIVE_SECONDS = 15  # a dead link is noticed after four of them
_CANCEL_SECONDS = 0.2
_CONNECTION = {
    "host",
    "port",
    "user",
    "privateKey",
    "hostKey",
    "dialErrorLimit",
    "perDialTimeout",
}
_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_STREAMS: Mapping[str, frozenset[str]] = {
    "stdout": frozenset({"stdout"}),
    "stderr": frozenset({"stderr"}),
    "stdoutAndStderr": frozenset({"stdout", "stderr"}),
    "none": frozenset(),
}


class Command:
    """Runs `create`, later `update` (or else `create`), at last `delete`, on a remote host."""

    required = frozenset({"connection"})
    optional = frozenset(
        {
            "create",
            "update",
            "delete",
            "stdin",
            "triggers",
            "environment",
            "logging",
            "addPreviousOutputInEnv",
        }
    )
    computed = frozenset({"stdout", "stderr"})
    secrets = ("connection.privateKey", "connection")

    def prepare(self, inputs: Properties) -> Properties:
        connection = inputs["connection"]
        if not isinstance(connection, dict):
            return inputs
        unmodelled = sorted(set(connection) - _CONNECTION)
        if unmodelled:
            raise ProviderError(
                f"connection.{unmodelled[0]} is not modelled by the stand-in for the command "
                "plugin; it logs in with connection.privateKey only"
            )
        return self._completed(inputs)

    def differences(
        self, state: Properties, old: Properties, new: Properties, ignored: tuple[str, ...] = ()
    ) -> dict[str, str]:
        """Compare the inputs, which is all that the official plugin knows of a command."""
        del state
        old = self._completed(old)
        kinds: dict[str, str] = {}
        for name, kind in values.top_level(old, new).items():
            # the connection is a secret: nothing of it is shown
            if kind == "UPDATE" and name != "connection":
                kinds |= dict(values.differences(old[name], new[name], name))
            else:
                kinds[name] = f"{kind}_REPLACE" if name == "triggers" else kind
        return {path: kind for path, kind in kinds.items() if values.top(path) not in ignored}

    def foreseen(self, state: Properties, old: Properties, new: Properties) -> Properties:
        """Return unknown outputs, unless whole inputs were only added, as officially."""
        kinds = values.top_level(self._completed(old), new)
        changed = any(kind != "ADD" for kind in kinds.values())
        known = {} if changed else {name: state[name] for name in self.computed if name in state}
        return {**dict.fromkeys(self.computed, property_values.UNKNOWN), **known, **new}

    @staticmethod
    def _completed(inputs: Properties) -> Properties:
        """Return inputs of an older state with the defaults that it does not have."""
        connection = inputs.get("connection")
        if not isinstance(connection, dict):
            return inputs
        return {**inputs, "connection": {**_DEFAULTS, **connection}}

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        return uuid.uuid4().hex, self._outputs(inputs, inputs.get("create"), {}, context)

    def read(self, identity: str, state: Properties, context: Context) -> Properties:
        """Return the state as it is, as the official plugin does: it never looks at the host."""
        del identity, context
        return state

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        del identity
        command = inputs.get("update") or inputs.get("create")
        return self._outputs(inputs, command, _previous(inputs, state), context)

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        del identity
        if state.get("delete"):
            self._outputs(state, state["delete"], _previous(state, state), context)

    @staticmethod
    def _outputs(
        inputs: Properties, command: str | None, previous: Mapping[str, str], context: Context
    ) -> Properties:
        if not command:
            return {**inputs, "stdout": "", "stderr": ""}
        work = _run(inputs, command, previous, context)
        stdout, stderr = asyncio.run(_unless_cancelled(work, command, context))
        return {**inputs, "stdout": stdout.removesuffix("\n"), "stderr": stderr.removesuffix("\n")}


def _previous(inputs: Properties, state: Properties) -> dict[str, str]:
    if not inputs.get("addPreviousOutputInEnv", True):
        return {}
    return {
        "PULUMI_COMMAND_STDOUT": state.get("stdout", ""),
        "PULUMI_COMMAND_STDERR": state.get("stderr", ""),
    }


async def _unless_cancelled(
    work: Coroutine[Any, Any, tuple[str, str]], command: str, context: Context
) -> tuple[str, str]:
    """Do the work, but leave it as soon as the user wants to stop."""
    task = asyncio.ensure_future(work)
    while not task.done():
        if context.cancelled.is_set():
            task.cancel()
            await asyncio.wait([task])
            raise ProviderError(f"cancelled: running {_quoted(command)}")
        await asyncio.wait([task], timeout=_CANCEL_SECONDS)
    return task.result()


async def _run(
    inputs: Properties, command: str, previous: Mapping[str, str], context: Context
) -> tuple[str, str]:
    """Run a command to its end; raise ProviderError with its whole output if it fails."""
    ssh_client.prepare()  # takes a third of a second, rarely needed
    import asyncssh  # noqa: PLC0415

    shown = _STREAMS[inputs.get("logging", "stdoutAndStderr")]
    said: dict[str, list[str]] = {"stdout": [], "stderr": []}
    together: list[str] = []

    async def read(name: str, stream: Any) -> None:
        async for line in stream:
            if not line:
                continue  # the end, by asyncssh
            said[name].append(line)
            together.append(line)
            if name in shown:
                context.log(line.rstrip("\n"))

    async def feed(stream: Any) -> None:
        # A command need not read its input, and a finished command can't.
        with contextlib.suppress(OSError):
            stream.write(inputs.get("stdin") or "")
            await stream.drain()
            stream.write_eof()

    connection = await _dial(inputs["connection"], context)
    try:
        await _check_environment(connection, inputs.get("environment", {}))
        process = await connection.create_process(
            command,
            env={**previous, **inputs.get("environment", {})} or None,
            encoding="utf-8",
            errors="replace",
        )
        await asyncio.gather(
            feed(process.stdin), read("stdout", process.stdout), read("stderr", process.stderr)
        )
        await process.wait_closed()
    except (OSError, asyncssh.Error) as error:
        raise ProviderError(f"{error}: running {_quoted(command)}:\n{''.join(together)}") from None
    finally:
        connection.close()
    if process.exit_status != 0:
        ended = _how_it_ended(process.exit_status, process.exit_signal)
        raise ProviderError(f"{ended}: running {_quoted(command)}:\n{''.join(together)}")
    return "".join(said["stdout"]), "".join(said["stderr"])


async def _check_environment(
    connection: "asyncssh.SSHClientConnection", environment: Mapping[str, str]
) -> None:
    """Raise ProviderError for an environment variable that the server refuses."""
    if not environment:
        return
    listed = await connection.run("env", env=environment, errors="replace")
    taken = {line.partition("=")[0] for line in str(listed.stdout).splitlines()}
    for name in sorted(set(environment) - taken):
        raise ProviderError(
            f'could not set environment variable "{name}": ssh: setenv failed. The server must '
            "accept it (AcceptEnv in its sshd_config), or the command set it itself: "
            f"{name}=value command"
        )


def _how_it_ended(status: int | None, exit_signal: tuple[str, bool, str, str] | None) -> str:
    """Word the end of a process as the official plugin does."""
    if exit_signal:
        name = exit_signal[0]
        number = 128 + int(getattr(signal, f"SIG{name}", 0))
        return f"Process exited with status {number} from signal {name}"
    if status is None:
        return "wait: remote command exited without exit status or exit signal"
    return f"Process exited with status {status}"


async def _dial(settings: Properties, context: Context) -> "asyncssh.SSHClientConnection":
    """Connect and log in, as often as `dialErrorLimit` allows (-1: for ever)."""
    import asyncssh  # noqa: PLC0415

    host, port = settings["host"], int(settings.get("port", 22))
    limit, seconds = int(settings.get("dialErrorLimit", 10)), settings.get("perDialTimeout", 15)
    key = asyncssh.import_private_key(settings["privateKey"])
    pinned = settings.get("hostKey")
    # without a hostKey any host is accepted, as by the official plugin
    known: Any = ([asyncssh.import_public_key(pinned)], [], []) if pinned else None
    pause, errors = _FIRST_PAUSE, 0
    while True:
        try:
            return await asyncssh.connect(
                host,
                port,
                username=settings.get("user", "root"),
                client_keys=[key],
                known_hosts=known,
                agent_path=None,
                config=None,
                connect_timeout=seconds or None,
                login_timeout=seconds or None,
                keepalive_interval=_KEEPALIVE_SECONDS,
                keepalive_count_max=4,
            )
        except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):
            # a slow boot does not show another key: dialling again would not mend it
            raise ProviderError(
                f"ssh to {host}:{port} as {settings.get('user', 'root')}: "
                f"{host_key.changed(host, _stack(context))}"
            ) from None
        except (OSError, asyncssh.Error) as error:
            errors += 1
            if 0 <= limit < errors:
                raise ProviderError(
                    # the official plugin does not count its last attempt
                    f"after {errors - 1} failed attempts: ssh to {host}:{port} as "
                    f"{settings.get('user', 'root')}: {_reason(error)}"
                ) from None
            context.log(f"Dial {errors}/{limit} failed: {_reason(error)}; retrying", passing=True)
            await asyncio.sleep(pause)
            pause = min(pause * _PAUSE_FACTOR, _LONGEST_PAUSE)


def _stack(context: Context) -> str:
    """Return the name of the stack in which the resource is: urn:pulumi:STACK::PROJECT."""
    return context.urn.removeprefix("urn:pulumi:").partition(":")[0]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def _quoted(command: str) -> str:
    """Quote a text as Go does, on a single line."""
    return json.dumps(command, ensure_ascii=False)


PLUGIN = provider.Plugin(
    name="command", resources={"command:remote:Command": Command()}, marked=False
)
