"""Commands in a clone, each timed alone: its environment is read before the clock starts."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stack.names import LOCAL
from tests.testbed.clone import Clone

_SECONDS = 1800


class Shell:
    """Runs commands in a clone with the environment of `make env`, and times them."""

    def __init__(self, clone: Clone, stack: str = LOCAL) -> None:
        self._clone = clone
        script = f'eval "$(make -s env STACK={stack})"; env -0'
        variables = clone.run("bash", "-c", script).output.split("\0")
        self.environment = dict(pair.split("=", 1) for pair in variables if "=" in pair)

    def run(
        self, *argv: str, folder: Path | None = None, stdin: str = "", **changes: str | None
    ) -> str:
        """Return the output of a command; raise SystemExit if it fails.

        `changes` are variables of its environment; None removes a variable.
        """
        environment = {**self.environment, **changes}
        result = subprocess.run(
            argv,
            cwd=folder or self._clone.path,
            env={name: value for name, value in environment.items() if value is not None},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if result.returncode != 0:
            raise SystemExit(f"`{' '.join(argv)}` failed:\n{result.stdout[-3000:]}")
        return result.stdout


def seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def interleaved(
    works: Mapping[str, Callable[[], object]], *, rounds: int
) -> dict[str, list[float]]:
    """Time each work once a round, so that a busy moment slows down a round of all of them."""
    times: dict[str, list[float]] = {title: [] for title in works}
    for _ in range(rounds):
        for title, work in works.items():
            times[title].append(seconds(work))
            print(f"{times[title][-1]:8.1f} s  {title}", file=sys.stderr, flush=True)
    return times


def best_rates(*measures: Callable[[], float], rounds: int = 5) -> list[float]:
    """Return the best rate of each measure, as other work can only make a measurement slower.

    They are measured in turn, so that a busy moment slows down several of them.
    """
    measured: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for rates, measure in zip(measured, measures, strict=True):
            rates.append(measure())
    best = [max(rates) for rates in measured]
    print("  " + ", ".join(f"{value:.1f}" for value in best), file=sys.stderr, flush=True)
    return best


def ratio(times: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median of the ratios in each round."""
    return statistics.median(a / b for a, b in zip(times, reference, strict=True))
