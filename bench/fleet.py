"""The growth of an update with the number of services on a VM: examples/fleet with 1 to 64."""

from bench.table import Table, chart
from bench.timing import Shell, seconds
from tests.testbed.clone import Clone
from tests.testbed.fleet import Fleet

COUNTS = (1, 4, 16, 64)
_MEMORY_GBS = 8  # 64 containers of the service have 70 MiB each


def growth(clone: Clone, medians: dict[str, float]) -> Table:
    fleet, shell = Fleet.create(clone, "fleet"), Shell(clone)
    table = Table("services on a VM", ["created, s", "nothing changed, s", "one changed, s"])
    created, unchanged, changed = [], [], []
    try:
        for count in COUNTS:
            created.append(_up(shell, clone, count, "before"))
            unchanged.append(_up(shell, clone, count, "before"))
            changed.append(_up(shell, clone, count, f"after {count}"))
            table.add(str(count), *(f"{times[-1]:.1f}" for times in (created, unchanged, changed)))
    finally:
        destroyed = fleet.destroy()
        if destroyed.status != 0:
            raise SystemExit(f"the fleet was not destroyed:\n{destroyed.output[-3000:]}")
    medians[f"{COUNTS[-1]} services, created"] = created[-1]
    for count, same, one in zip(COUNTS[2:], unchanged[2:], changed[2:], strict=True):
        medians[f"{count} services, nothing changed, x"] = same / unchanged[0]
        medians[f"{count} services, a service changed, x"] = one / changed[0]
    # the upper line is the change
    table.note(chart("services on a VM", COUNTS, "seconds", unchanged, changed))
    return table


def _up(shell: Shell, clone: Clone, count: int, word: str) -> float:
    """Return the seconds of an update; `word` is a variable of the first service alone."""
    update = Fleet.update({"auth-0": {"WORD": word}}, servers=1, services=count)
    update.append(f"--config=auth:memoryInGbs={_MEMORY_GBS}")
    folder = clone.path / ".local" / "fleet"
    return seconds(lambda: shell.run("pulumi", *update, folder=folder, PULUMI_STACK="fleet"))
