"""Refreshes at a steady rate: `python -m bench.refreshes URL RATE SECONDS`, tokens on stdin.

Open-loop: each request is due at its time, even if the requests before it have no answer yet, and
its latency counts from then; so a server that stalls does not slow down the measurement. Prints the
latencies, in milliseconds, as JSON.
"""

import asyncio
import json
import sys
import time

import aiohttp

_WARM_UP = 0.2  # of the whole: connections are opened, caches filled


class Refreshes:
    def __init__(self, url: str, tokens: list[str]) -> None:
        self._url = url
        self._idle: asyncio.Queue[str] = asyncio.Queue()
        for token in tokens:
            self._idle.put_nowait(token)
        self.latencies: list[float] = []

    async def run(self, rate: float, seconds: float) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            began, tasks = time.perf_counter(), []
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(due - time.perf_counter())
                tasks.append(asyncio.create_task(self._refresh(session, due)))
            await asyncio.gather(*tasks)

    async def _refresh(self, session: aiohttp.ClientSession, due: float) -> None:
        token = await self._idle.get()
        async with session.post(self._url, json={"refresh_token": token}) as answer:
            document = await answer.json()
            if answer.status != 200:  # noqa: PLR2004
                raise SystemExit(f"{answer.status}: {document.get('code')}")
        self.latencies.append((time.perf_counter() - due) * 1000)
        self._idle.put_nowait(document["refresh_token"])


if __name__ == "__main__":
    refreshes = Refreshes(sys.argv[1], json.load(sys.stdin))
    asyncio.run(refreshes.run(float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(refreshes.latencies[int(len(refreshes.latencies) * _WARM_UP) :]))
