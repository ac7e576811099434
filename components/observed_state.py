"""The observed state of a server: its answer about its releases, for a preview or an update."""

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from components import commands, ssh_client

_CONNECT_SECONDS = 15
_ANSWER_SECONDS = 60
_PAUSE_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class ObservedState:
    """The observed state of a service: live release, drift, and the next release's number."""

    live: dict[str, Any] | None  # as auth-release prints a release
    drift: tuple[str, ...]
    next_number: int
    # the newest release, as auth-release prints it, if it failed after the switch and gave way to
    # the live release
    went_back: dict[str, Any] | None = None


NEVER_RELEASED = ObservedState(live=None, drift=(), next_number=1)


class UnreachableError(Exception):
    """The server did not answer; the text is the reason."""


def prepare() -> None:
    """Import the SSH client beside the program: a third of a second, while the engine works."""
    threading.Thread(target=ssh_client.prepare, daemon=True).start()


async def read(
    *, host: str, private_key: str, host_key: str, patience: float = 0
) -> dict[str, ObservedState]:
    """Return the observed state of each service on the server, by its name.

    A server that accepts no connection may be booting: it is asked again for `patience` seconds.
    Raise UnreachableError without an answer.
    """
    import asyncssh  # noqa: PLC0415 - see `prepare`

    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                text = await asyncio.wait_for(
                    _run(commands.status(), host, private_key, host_key), _ANSWER_SECONDS
                )
                break
            except (OSError, asyncssh.ConnectionLost):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
        return {
            service: ObservedState(
                live=status["live"],
                drift=tuple(status["differs"]),
                next_number=int(status["next"]),
                went_back=status.get("went_back"),  # older release tools have no watch
            )
            for service, status in json.loads(text).items()
        }
    except (OSError, asyncssh.Error, TimeoutError, ValueError, KeyError) as error:
        raise UnreachableError(str(error) or type(error).__name__) from None


async def _run(command: str, host: str, private_key: str, host_key: str) -> str:
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
