"""The internet gateway: carries TCP from public addresses to the machines behind them.

Reads a JSON file with the listeners that should be there and reads it again on SIGHUP; what stays
the same keeps its connections. Writes the file's revision to APPLIED once it is in force.

    python3 gateway.py CONFIGURATION APPLIED
"""

import asyncio
import contextlib
import functools
import ipaddress
import json
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

CHUNK = 1 << 16
CONNECT_SECONDS = 5


class Listener(NamedTuple):
    """Where to listen, where that leads, and who may come: `sources` are IPv4 blocks."""

    address: str
    port: int
    target: str
    sources: tuple[str, ...]

    @property
    def place(self) -> tuple[str, int]:
        return self.address, self.port


def load(path: Path) -> tuple[int, list[Listener]]:
    """Read the configuration: its revision and its listeners."""
    document = json.loads(path.read_text())
    listeners = [
        Listener(row["address"], row["port"], row["target"], tuple(row["sources"]))
        for row in document["listeners"]
    ]
    return document["revision"], listeners


def allows(listener: Listener, client: str) -> bool:
    address = ipaddress.ip_address(client)
    return any(address in ipaddress.ip_network(source) for source in listener.sources)


class Gateway:
    """The listeners in force. A connection belongs to the listener that accepted it, to its end."""

    def __init__(self) -> None:
        self.listeners: dict[tuple[str, int], Listener] = {}
        self.servers: dict[tuple[str, int], asyncio.Server] = {}

    async def apply(self, listeners: list[Listener]) -> None:
        wanted = {listener.place: listener for listener in listeners}
        for place in set(self.servers) - set(wanted):
            # open connections go on: closing the server closes the door only
            self.servers.pop(place).close()
        self.listeners = wanted
        for place in set(wanted) - set(self.servers):
            self.servers[place] = await asyncio.start_server(
                functools.partial(self.carry, place), *place, limit=CHUNK, backlog=1024
            )

    async def carry(
        self,
        place: tuple[str, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Carry one connection, both ways, until both ends are done."""
        listener = self.listeners.get(place)
        if listener is None or not allows(listener, writer.get_extra_info("peername")[0]):
            reset(writer)
            return
        try:
            there, back = await asyncio.wait_for(
                asyncio.open_connection(listener.target, listener.port, limit=CHUNK),
                CONNECT_SECONDS,
            )
        except OSError:
            reset(writer)
            return
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            for end in (writer, back):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy one direction; pass the end of it on, while the other may go on."""
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
    except OSError:
        reset(sink)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a host does that refuses it, or that is gone: by RST, not by FIN."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    writer.transport.abort()


async def take(gateway: Gateway, configuration: Path, applied: Path) -> None:
    """Put the configuration in force; say so, or why not, beside its revision."""
    revision, listeners = load(configuration)
    said = str(revision)
    try:
        await gateway.apply(listeners)
    except OSError as error:
        said = f"{revision} {error}"
    report(applied, said)


def report(applied: Path, text: str) -> None:
    applied.write_text(text)


async def main(configuration: Path, applied: Path) -> None:
    gateway = Gateway()
    changed, stopped = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    changed.set()
    stop = asyncio.create_task(stopped.wait())
    while not stopped.is_set():
        change = asyncio.create_task(changed.wait())
        await asyncio.wait({stop, change}, return_when=asyncio.FIRST_COMPLETED)
        change.cancel()
        if changed.is_set():
            changed.clear()
            await take(gateway, configuration, applied)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
