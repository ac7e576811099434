"""How an update grows with the number of services on one VM: examples/fleet with 1, 4 and 16."""

import time

from bench.table import Table, chart
from tests.testbed.clone import Clone, Result
from tests.testbed.fleet import Fleet

COUNTS = (1, 4, 16)


def growth(clone: Clone) -> Table:
    fleet = Fleet.create(clone)
    table = Table("services on one VM", ["nothing changed, s", "one of them changed, s"])
    unchanged, changed = [], []
    try:
        for count in COUNTS:
            _up(fleet, count, "before")
            unchanged.append(_up(fleet, count, "before"))
            changed.append(_up(fleet, count, f"after {count}"))
            table.add(str(count), f"{unchanged[-1]:.1f}", f"{changed[-1]:.1f}")
    finally:
        _succeeded(fleet.destroy())
    # the upper line is that of the change
    table.note(chart("services on one VM", COUNTS, "seconds", unchanged, changed))
    return table


def _up(fleet: Fleet, count: int, word: str) -> float:
    """Update and give the seconds; `word` is in the environment of the first service alone."""
    started = time.monotonic()
    _succeeded(fleet.up({"auth-0": {"WORD": word}}, servers=1, services=count))
    return time.monotonic() - started


def _succeeded(done: Result) -> None:
    if done.status != 0:
        raise SystemExit(f"the fleet failed:\n{done.output[-3000:]}")
