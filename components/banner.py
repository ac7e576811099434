"""The wait for an SSH server's banner, its first line (RFC 4253, section 4.2)."""

import asyncio
import contextlib
import os
import time

PORT = 22
# As long as the command plugin tries to connect: a slow first boot. Once connected, the official
# plugin waits for the banner without a limit.
_PATIENCE_SECONDS = 300
_LOOK_SECONDS = 15
_PAUSE_SECONDS = 0.2
_BANNER = b"SSH-"
_LINES = 20  # that a server may send before its banner


class SilentError(Exception):
    """No SSH server answered in time; the text names the last problem."""


async def wait(host: str, *, port: int = PORT, seconds: float = _PATIENCE_SECONDS) -> None:
    """Return once the server sends its banner; raise SilentError after `seconds` without it."""
    deadline = time.monotonic() + seconds
    while True:
        problem = await _problem(host, port, max(0.1, min(_LOOK_SECONDS, seconds)))
        if problem is None:
            return
        if time.monotonic() + _PAUSE_SECONDS > deadline:
            raise SilentError(
                f"No SSH server answers at {host}:{port} within {seconds:.0f} s: {problem}. A VM "
                "that hangs or is out of memory accepts connections and stays silent. Restart it "
                "in the cloud's console, then repeat the command."
            )
        await asyncio.sleep(_PAUSE_SECONDS)


async def _problem(host: str, port: int, seconds: float) -> str | None:
    """Connect and read the first lines; return None after a banner, else the problem."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                for _ in range(_LINES):
                    line = await reader.readline()
                    if line.startswith(_BANNER):
                        return None
                    if not line:
                        return "it closes connections before it sends a banner"
                return "it speaks another protocol than SSH"
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return "it accepts connections and stays silent, or drops all packets"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
