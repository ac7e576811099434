"""The gateway's forwarder, on real sockets."""

import asyncio
import importlib.util
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.loop import run

ADDRESS = "127.0.0.1"
OTHER = "127.0.0.2"


def load() -> ModuleType:
    """Import the script that the machine image carries."""
    path = Path(__file__).parents[3] / "localcloud" / "machines" / "image" / "gateway.py"
    spec = importlib.util.spec_from_file_location("gateway_script", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((OTHER, 0))
        return int(probe.getsockname()[1])


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer only once the other end has sent everything."""
    request = await reader.read()
    writer.write(request.upper())
    await writer.drain()
    writer.close()


@asynccontextmanager
async def forwarding(port: int, *sources: str) -> AsyncIterator[object]:
    """Run a service on OTHER and a gateway on ADDRESS that leads there, at the same port."""
    gateway = script.Gateway()
    service = await asyncio.start_server(shout, OTHER, port)
    await gateway.apply([script.Listener(ADDRESS, port, OTHER, sources)])
    try:
        yield gateway
    finally:
        await gateway.apply([])
        service.close()


async def say(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(words)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_an_end_of_one_direction_leaves_the_other_open() -> None:
    port, words = free_port(), b"x" * 3_000_000

    async def work() -> None:
        async with forwarding(port, "127.0.0.0/8"):
            assert await say(port, words) == words.upper()

    run(work())


def test_a_client_from_elsewhere_is_turned_away() -> None:
    port = free_port()

    async def work() -> None:
        async with forwarding(port, "198.51.100.0/24"):
            with pytest.raises(ConnectionResetError):
                await say(port, b"hello")

    run(work())


def test_a_reload_does_not_cut_a_connection() -> None:
    port = free_port()

    async def work() -> None:
        async with forwarding(port, "127.0.0.0/8") as gateway:
            reader, writer = await asyncio.open_connection(ADDRESS, port)
            writer.write(b"first ")
            await writer.drain()
            await asyncio.sleep(0.2)
            await gateway.apply([])  # type: ignore[attr-defined]
            writer.write(b"second")
            writer.write_eof()

            assert await reader.read() == b"FIRST SECOND"
            writer.close()

    run(work())


def test_an_address_that_was_withdrawn_refuses_new_connections() -> None:
    port = free_port()

    async def work() -> None:
        async with forwarding(port, "127.0.0.0/8") as gateway:
            await gateway.apply([])  # type: ignore[attr-defined]
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(ADDRESS, port)

    run(work())


def test_a_target_that_refuses_is_passed_on_as_a_reset() -> None:
    port = free_port()

    async def work() -> None:
        gateway = script.Gateway()
        await gateway.apply([script.Listener(ADDRESS, port, OTHER, ("127.0.0.0/8",))])
        reader, writer = await asyncio.open_connection(ADDRESS, port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        await gateway.apply([])

    run(work())
