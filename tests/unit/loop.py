"""An event loop for a single coroutine."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], seconds: float = 20) -> T:
    """Run the work in a loop of its own: asyncio.run takes the thread's away, which Pulumi uses."""
    loop = asyncio.new_event_loop()
    try:
        result = loop.run_until_complete(asyncio.wait_for(work, timeout=seconds))
        # connections that were dropped are closed by callbacks that are still to run
        loop.run_until_complete(asyncio.sleep(0.1))
    finally:
        loop.close()
    return result
