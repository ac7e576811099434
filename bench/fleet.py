"""How an update grows with the number of services on one VM: examples/fleet with 1, 4 and 16."""

import json
import shutil
import time

from bench.table import Table
from tests.e2e.clone import Clone

COUNTS = (1, 4, 16)
_SECONDS = 1500


def growth(clone: Clone) -> Table:
    shutil.copytree(clone.path / "examples" / "fleet", clone.path / ".local" / "fleet")
    _pulumi(clone, "stack init fleet")
    table = Table("services on one VM", ["nothing changed, s", "one of them changed, s"])
    unchanged, changed = [], []
    try:
        for count in COUNTS:
            _up(clone, count, "before")
            unchanged.append(_up(clone, count, "before"))
            changed.append(_up(clone, count, f"after {count}"))
            table.add(str(count), f"{unchanged[-1]:.1f}", f"{changed[-1]:.1f}")
    finally:
        _pulumi(clone, "destroy --yes --skip-preview")
    table.note(_plot(unchanged, changed))
    return table


def _up(clone: Clone, count: int, word: str) -> float:
    """Update and give the seconds; `word` is in the environment of the first service alone."""
    environment = json.dumps({"auth-0": {"WORD": word}})
    settings = {"servers": 1, "services": count, "environment": environment}
    flags = " ".join(f"--config 'fleet:{key}={value}'" for key, value in settings.items())
    started = time.monotonic()
    _pulumi(clone, f"up --yes --skip-preview {flags}")
    return time.monotonic() - started


def _pulumi(clone: Clone, command: str) -> None:
    done = clone.shell(f"cd .local/fleet && PULUMI_STACK=fleet pulumi {command}", seconds=_SECONDS)
    if done.status != 0:
        raise SystemExit(f"`pulumi {command}` failed:\n{done.output[-3000:]}")


def _plot(unchanged: list[float], changed: list[float]) -> str:
    """Draw both rows as Mermaid's chart: the upper line is that of the change."""

    def line(values: list[float]) -> str:
        return "[" + ", ".join(f"{value:.1f}" for value in values) + "]"

    return (
        "```mermaid\nxychart-beta\n"
        f'    x-axis "services on one VM" [{", ".join(map(str, COUNTS))}]\n'
        f'    y-axis "seconds" 0 --> {max(changed + unchanged) * 1.1:.0f}\n'
        f"    line {line(unchanged)}\n    line {line(changed)}\n```"
    )
