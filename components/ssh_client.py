"""The import of asyncssh, the SSH client, without its search for a library that it can do without.

At its import asyncssh looks for liboqs, which adds ways to exchange keys. The search runs ldconfig,
gcc and ld, twice: half a second on a busy machine with a compiler, each time.
"""

import ctypes.util
import threading

_one_at_a_time = threading.Lock()


def prepare() -> None:
    """Import asyncssh; a later `import asyncssh` finds it."""
    with _one_at_a_time:
        search = ctypes.util.find_library
        ctypes.util.find_library = _nothing
        try:
            import asyncssh  # noqa: F401, PLC0415
        finally:
            ctypes.util.find_library = search


def _nothing(name: str) -> None:
    del name
