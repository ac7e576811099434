"""Whether a server speaks SSH: it says so first, by its banner (RFC 4253, section 4.2)."""

import asyncio
import contextlib
import os
import time

PORT = 22
# As long as the command plugin dials a server that refuses: a slow first boot. Once connected, that
# plugin itself waits for the banner without end.
_PATIENCE_SECONDS = 300
_LOOK_SECONDS = 15
_PAUSE_SECONDS = 1
_BANNER = b"SSH-"
_LINES = 20  # a server may say other things before


class SilentError(Exception):
    """No SSH server answered in time; the text says what did."""


async def wait(host: str, *, port: int = PORT, seconds: float = _PATIENCE_SECONDS) -> None:
    """Return once the server sends its banner; raise SilentError if it sends none in time."""
    deadline = time.monotonic() + seconds
    while True:
        problem = await _problem(host, port, max(0.1, min(_LOOK_SECONDS, seconds)))
        if not problem:
            return
        if time.monotonic() + _PAUSE_SECONDS > deadline:
            raise SilentError(
                f"No SSH server answers at {host}:{port} within {seconds:.0f} s: {problem}. A VM "
                "that hangs or is out of memory takes connections and says nothing: restart it in "
                "the cloud's console, then repeat this."
            )
        await asyncio.sleep(_PAUSE_SECONDS)


async def _problem(host: str, port: int, seconds: float) -> str:
    """Connect and listen; return "" if a banner comes, else what happened."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                for _ in range(_LINES):
                    line = await reader.readline()
                    if line.startswith(_BANNER):
                        return ""
                    if not line:
                        return "it closes connections before it says who it is"
                return "it speaks, but not SSH"
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return "it takes connections and says nothing, or drops what is sent to it"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
