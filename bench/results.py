"""The medians of earlier runs, in results.json, and the comparison with the last run."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.table import Table

FILE = Path(__file__).with_name("results.json")
_RUNS_TO_KEEP = 20


@dataclass(frozen=True, kw_only=True)
class Run:
    """The medians of a run, by measure, with its date, machine and commit.

    A measure whose name ends in `, x` is a ratio, and in `, MB` memory; others are seconds.
    """

    date: str
    machine: str
    commit: str
    medians: dict[str, float]


def earlier_runs(file: Path = FILE) -> list[Run]:
    return [Run(**entry) for entry in json.loads(file.read_text())] if file.exists() else []


def keep(run: Run, file: Path = FILE) -> None:
    """Add a run to the file, which holds the last 20."""
    runs = [*earlier_runs(file), run][-_RUNS_TO_KEEP:]
    file.write_text(json.dumps([asdict(each) for each in runs], indent=1, sort_keys=True) + "\n")


def last_run(machine: str, runs: Iterable[Run]) -> Run | None:
    """Return the last run on a machine; the seconds of another machine are no reference."""
    return next((run for run in reversed([*runs]) if run.machine == machine), None)


def comparison(run: Run, last: Run) -> Table:
    """Compare the measures that both runs have."""
    table = Table(f"compared with {last.date}, {last.commit}", ["then", "now", "ratio"])
    for measure in sorted({*run.medians} & {*last.medians}):
        then, now = last.medians[measure], run.medians[measure]
        table.add(measure, f"{then:.2f}", f"{now:.2f}", f"{now / then:.2f}")
    return table


def commit() -> str:
    result = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unversioned"
