"""The growth of an update with the number of services on a VM: examples/fleet with 1, 4 and 16."""

from bench.table import Table, chart
from bench.timing import Shell, seconds
from tests.testbed.clone import Clone
from tests.testbed.fleet import Fleet

COUNTS = (1, 4, 16)


def growth(clone: Clone, medians: dict[str, float]) -> Table:
    fleet, shell = Fleet.create(clone), Shell(clone)
    table = Table("services on a VM", ["nothing changed, s", "a service changed, s"])
    unchanged, changed = [], []
    try:
        for count in COUNTS:
            _up(shell, clone, count, "before")
            unchanged.append(_up(shell, clone, count, "before"))
            changed.append(_up(shell, clone, count, f"after {count}"))
            table.add(str(count), f"{unchanged[-1]:.1f}", f"{changed[-1]:.1f}")
    finally:
        destroyed = fleet.destroy()
        if destroyed.status != 0:
            raise SystemExit(f"the fleet was not destroyed:\n{destroyed.output[-3000:]}")
    medians[f"{COUNTS[-1]} services, nothing changed, x"] = unchanged[-1] / unchanged[0]
    medians[f"{COUNTS[-1]} services, a service changed, x"] = changed[-1] / changed[0]
    # the upper line is the change
    table.note(chart("services on a VM", COUNTS, "seconds", unchanged, changed))
    return table


def _up(shell: Shell, clone: Clone, count: int, word: str) -> float:
    """Return the seconds of an update; `word` is a variable of the first service alone."""
    update = Fleet.update({"auth-0": {"WORD": word}}, servers=1, services=count)
    folder = clone.path / ".local" / "fleet"
    return seconds(lambda: shell.run("pulumi", *update, folder=folder, PULUMI_STACK="fleet"))
