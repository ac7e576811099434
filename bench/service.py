"""The speed of the Authentication Service, compared with its parts alone.

It needs no stack: the service runs as a process, and the load comes from other processes on the
same cores. A ratio compares two rates that were measured in turn, several times; the best rate of
each counts, as other work on the machine can only make a measurement slower.
"""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from running import Server, make_key

from bench import wrk
from bench.serving import QUEUE, WORKERS, Memory, account, hello, printed, service
from bench.table import Table, chart
from bench.timing import best_rates

_ROUNDS = 5
_SECONDS = 2
_CONNECTIONS = 16
_REFRESHES = 200  # a second
_OVERLOADS = (0, 1, 2, 4)


def measurements() -> Mapping[str, Callable[[Path], Table]]:
    """Return the measurements by name, each on a service and in a folder of its own."""
    wrk.install()
    return {
        "requests a second": _served(_throughput),
        "refreshes": _served(_refreshes),
        "memory": _served(_memory),
        "at rest": _at_rest,
    }


def _served(measure: Callable[[Server], Table]) -> Callable[[Path], Table]:
    def measured(folder: Path) -> Table:
        with service(folder / "load") as server:
            return measure(server)

    return measured


def _at_rest(folder: Path) -> Table:
    table = Table("at rest", [""])
    table.add("start to ready, new database, s", f"{_start(folder, new=True):.2f}")
    table.add("start to ready, s", f"{_start(folder, new=False):.2f}")
    return table


def _throughput(server: Server) -> Table:
    """Compare logins with hashing alone, and a request with a token with a minimal route."""
    ada = account(server.url)

    def alone(library: str) -> float:
        return float(printed("bench.argon", library, str(WORKERS), str(_SECONDS)))

    def logins() -> float:
        url = f"{server.url}/v1/auth/login"
        return wrk.run(url, seconds=_SECONDS, connections=4 * WORKERS, body=ada.credentials).good

    def get(url: str, headers: dict[str, str]) -> float:
        return wrk.run(url, seconds=_SECONDS, connections=_CONNECTIONS, headers=headers).good

    table = Table("requests a second", ["", "ratio"])
    usual, ours, logging_in = best_rates(
        lambda: alone("reference"), lambda: alone("libsodium"), logins
    )
    with (
        hello("fastapi", server.port + 1) as fastapi,
        hello("starlette", server.port + 2) as starlette,
    ):
        me, own, route, least = best_rates(
            lambda: get(f"{server.url}/v1/me", ada.bearer),
            lambda: get(f"{server.url}/healthz", {}),
            lambda: get(fastapi, {}),
            lambda: get(starlette, {}),
        )
    table.add("argon2id alone, argon2-cffi, as many threads", f"{usual:.0f}", "")
    table.add("argon2id alone, libsodium, as many threads", f"{ours:.0f}", f"{ours / usual:.0%}")
    table.add("`POST /v1/auth/login`", f"{logging_in:.0f}", f"{logging_in / usual:.0%}")
    table.add("a minimal route, FastAPI", f"{route:.0f}", "")
    table.add("a minimal route, Starlette", f"{least:.0f}", f"{least / route:.0%}")
    table.add("`GET /healthz`", f"{own:.0f}", f"{own / route:.0%}")
    table.add("`GET /v1/me`, token verified", f"{me:.0f}", f"{me / route:.0%}")
    table.note(
        f"A login is hashed by libsodium, and does {logging_in / ours:.0%} of that alone. `/v1/me` "
        f"does {me / own:.0%} of `/healthz`, which passes the same bounds, headers, log "
        "and metrics. The aims: a login 90% of libsodium, `/v1/me` 60% of FastAPI's minimal route."
    )
    return table


def _refreshes(server: Server) -> Table:
    tokens = [account(server.url).tokens["refresh_token"] for _ in range(40)]
    url = f"{server.url}/v1/auth/refresh"
    words = (url, str(_REFRESHES), "20")
    milliseconds = json.loads(printed("bench.refreshes", *words, stdin=json.dumps(tokens)))
    cuts = statistics.quantiles(milliseconds, n=1000)
    table = Table(f"{_REFRESHES} refreshes a second, SQLite", ["p50", "p99", "p99.9", "worst"])
    latencies = (cuts[499], cuts[989], cuts[998], max(milliseconds))
    table.add("milliseconds", *(f"{value:.1f}" for value in latencies))
    table.note("The aim: a p99 of 10 ms.")
    return table


def _memory(server: Server) -> Table:
    """Log in with 1, 2 and 4 times as many connections as there are places to hash and to wait."""
    grace = account(server.url)
    table = Table("logins at once", ["MB", "answered/s", "of the best", "refused/s"])
    peaks, loads = [], []
    for overload in _OVERLOADS:
        with Memory(server) as memory:
            if overload:
                loads.append(
                    wrk.run(
                        f"{server.url}/v1/auth/login",
                        seconds=4 * _SECONDS,
                        connections=overload * (WORKERS + QUEUE),
                        body=grace.credentials,
                    )
                )
            else:
                time.sleep(1)
        peaks.append(memory.peak)
    idle, *loaded = (f"{peak:.0f}" for peak in peaks)
    table.add("no load", idle, "", "", "")
    best = max(load.good for load in loads)
    for overload, peak, load in zip(_OVERLOADS[1:], loaded, loads, strict=True):
        rates = (f"{load.good:.0f}", f"{load.good / best:.0%}", f"{load.refused:.0f}")
        table.add(f"{overload} times its places", peak, *rates)
    table.note("The aims: 100 MB without load, 80% of the best with 4 times its places.")
    table.note(chart("logins at once, times the places", _OVERLOADS, "MB", peaks))
    return table


def _start(folder: Path, *, new: bool) -> float:
    """Return the seconds from the start of the process until it is ready."""
    key, seconds = make_key(), []
    for number in range(_ROUNDS):
        data = folder / (f"new-{number}" if new else "again")
        data.mkdir(exist_ok=True)
        server = Server(data=data, key=key)
        began = time.monotonic()
        server.start()
        seconds.append(time.monotonic() - began)
        server.stop()
    return min(seconds)
