"""The gateway: carries TCP from public addresses to the machines behind them.

Reads its listeners from a JSON file, and again on SIGHUP; all connections go on. Writes the file's
revision to APPLIED once it is in force.

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
    """A place to listen at, the machine behind it, and the IPv4 blocks that may connect."""

    address: str
    port: int
    target: str
    sources: tuple[str, ...]

    @property
    def place(self) -> tuple[str, int]:
        """The address and port to listen at."""
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
    """Return whether the listener takes connections from this address."""
    address = ipaddress.ip_address(client)
    return any(address in ipaddress.ip_network(source) for source in listener.sources)


class Gateway:
    """The listeners in force. A connection belongs to the listener that accepted it, to its end."""

    def __init__(self) -> None:
        self.listeners: dict[tuple[str, int], Listener] = {}
        self.servers: dict[tuple[str, int], asyncio.Server] = {}

    async def apply(self, listeners: list[Listener]) -> None:
        """Replace the listeners; connections go on."""
        wanted = {listener.place: listener for listener in listeners}
        for place in set(self.servers) - set(wanted):
            # open connections go on: a closed server only takes no new connections
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
        """Carry a connection, both ways, until both ends are done."""
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
    """Copy a direction of a connection; pass its end on, while the other direction may go on."""
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
    """Put the configuration in force; report its revision, with the error if there was any."""
    revision, listeners = load(configuration)
    result = str(revision)
    try:
        await gateway.apply(listeners)
    except OSError as error:
        result = f"{revision} {error}"
    report(applied, result)


def report(applied: Path, text: str) -> None:
    """Write the result for the emulator."""
    applied.write_text(text)


async def main(configuration: Path, applied: Path) -> None:
    """Serve until SIGTERM; SIGHUP reads the configuration again."""
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
