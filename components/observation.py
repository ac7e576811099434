"""What a server says of its releases, asked while a preview or an update is planned."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from components import commands

_CONNECT_SECONDS = 15
_ANSWER_SECONDS = 60
_PAUSE_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A service's state: its live release, how that differs, and the next release's number."""

    live: dict[str, Any] | None  # as auth-release prints a release
    differs: tuple[str, ...]
    next: int


NOTHING = Observation(live=None, differs=(), next=1)  # of a service that was never released


class UnreachableError(Exception):
    """The server could not be asked; the text says why."""


async def observe(
    *, host: str, private_key: str, host_key: str, patience: float = 0
) -> dict[str, Observation]:
    """Ask the release tool there of all its services; raise UnreachableError if it can't be.

    For `patience` seconds a server that takes no connection is asked again: it may be booting.
    """
    import asyncssh  # noqa: PLC0415 - takes a while, in which the engine has work of its own

    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                text = await asyncio.wait_for(
                    _ask(commands.status(), host, private_key, host_key), _ANSWER_SECONDS
                )
                break
            except (OSError, asyncssh.ConnectionLost):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
        return {
            service: Observation(
                live=told["live"], differs=tuple(told["differs"]), next=int(told["next"])
            )
            for service, told in json.loads(text).items()
        }
    except (OSError, asyncssh.Error, TimeoutError, ValueError, KeyError) as error:
        raise UnreachableError(str(error) or type(error).__name__) from None


async def _ask(command: str, host: str, private_key: str, host_key: str) -> str:
    import asyncssh  # noqa: PLC0415

    async with asyncssh.connect(
        host,
        username=commands.USER,
        client_keys=[asyncssh.import_private_key(private_key)],
        known_hosts=([asyncssh.import_public_key(host_key)], [], []),
        agent_path=None,
        config=None,
        connect_timeout=_CONNECT_SECONDS,
        login_timeout=_CONNECT_SECONDS,
    ) as connection:
        answer = await connection.run(command, check=True)
    return str(answer.stdout)
