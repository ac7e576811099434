"""Waiting for a server that speaks SSH, on real sockets."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

# by name: the other tests have another `wait` in its module
from components.banner import SilentError, wait
from tests.unit.loop import run

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def waited(serve: Serve, seconds: float) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await wait("127.0.0.1", port=port, seconds=seconds)


async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    writer.write(b"authorized use only\r\nSSH-2.0-OpenSSH_9.6p1\r\n")
    await writer.drain()
    writer.close()


async def stays_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


def test_a_server_that_sends_a_banner_is_there() -> None:
    run(waited(speaks, 5))


def test_a_server_that_sends_its_banner_late_is_waited_for() -> None:
    visits: list[int] = []

    async def boots(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        if len(visits) == 1:
            writer.close()
        else:
            await speaks(reader, writer)

    run(waited(boots, 10))

    assert len(visits) == 2


@pytest.mark.parametrize(
    ("serve", "problem"),
    [
        (stays_silent, "accepts connections and stays silent"),
        (speaks_http, "closes connections before it sends a banner"),
    ],
)
def test_a_server_without_a_banner_is_named_with_its_behaviour(serve: Serve, problem: str) -> None:
    with pytest.raises(SilentError, match=problem):
        run(waited(serve, 1))


def test_an_address_where_nobody_listens_is_named() -> None:
    with pytest.raises(SilentError, match=r"127\.0\.0\.1:9 within 1 s: .*refused"):
        run(wait("127.0.0.1", port=9, seconds=1))
