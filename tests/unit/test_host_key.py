"""The check of a host key, against real servers on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import asyncssh
import pytest

from components import host_key
from components.host_key import check  # a fixture of all tests replaces the module's


def run(work: Coroutine[Any, Any, object]) -> None:
    """Run on another thread: asyncio.run closes its thread's event loop, which the mocks need."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result(timeout=60)


def made(algorithm: str = "ssh-ed25519") -> asyncssh.SSHKey:
    return asyncssh.generate_private_key(algorithm, comment="of the server")


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode()


@asynccontextmanager
async def server(key: asyncssh.SSHKey) -> AsyncIterator[int]:
    """Serve SSH on loopback with a host key; yield the port."""
    listener = await asyncssh.listen("127.0.0.1", 0, server_host_keys=[key])
    async with listener:
        yield listener.get_port()


async def look(shown: asyncssh.SSHKey, pinned: str) -> None:
    async with server(shown) as port:
        await check("127.0.0.1", pinned, "dev", port)


async def see_nothing(pinned: str, port: int) -> None:
    assert not await asyncio.wait_for(check("127.0.0.1", pinned, "dev", port), 20)


def test_the_pinned_key_is_taken_whatever_its_comment() -> None:
    key = made()

    run(look(key, public(key).replace("of the server", "of the program")))


def test_another_key_is_refused_with_its_causes_and_remedies() -> None:
    with pytest.raises(host_key.HostKeyError) as refused:
        run(look(made(), public(made())))

    assert "127.0.0.1 shows another SSH host key" in str(refused.value)
    for part in ("auth:sshHostKey", "make up REFRESH=1 STACK=dev", "in the server's place"):
        assert part in str(refused.value)


def test_a_server_with_keys_of_other_kinds_alone_is_refused() -> None:
    with pytest.raises(host_key.HostKeyError):
        run(look(made("ecdsa-sha2-nistp256"), public(made())))


def test_a_server_that_refuses_or_stays_silent_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_key, "_LOOK_SECONDS", 0.5)
    pinned = public(made())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        run(see_nothing(pinned, port))
    run(see_nothing(pinned, port))
