"""Measure how long things take, on a stack of its own: `make bench`.

Nothing is asserted. Seconds describe a run and its machine; a ratio compares commands of the same
rounds, and holds on other machines as well. The medians are kept in results.json.
"""

import argparse
import contextlib
import io
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench import cluster, commands, fleet, replicas, results, service
from bench.pipelines import Pipelines
from bench.platforms import Platforms
from bench.table import Table, date, machine
from bench.timing import seconds
from tests.testbed.clone import Clone, Result, copy_to


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cold", action="store_true", help="also from empty caches (COLD=1)")
    parser.add_argument(
        "--only", choices=["service", "fleet", "cluster"], help="a part alone (ONLY=)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison, 5")
    arguments = parser.parse_args()
    print(f"{date()}, {machine()}:", flush=True)
    failed = []
    medians: dict[str, float] = {}

    def measure_stack(folder: Path) -> Iterator[Table]:
        return of_stack(
            folder, medians, arguments.only, cold=arguments.cold, rounds=arguments.rounds
        )

    if arguments.only != "service":
        if not shown("the stack", measure_stack):
            failed.append("the stack")
        keep(medians)
    if arguments.only in {None, "service"}:
        measurements = service.measurements().items()
        failed += [name for name, measure in measurements if not shown(name, measure)]
    if failed:
        raise SystemExit(f"Not measured, for the reasons above: {', '.join(failed)}.")


def shown(name: str, measure: Callable[[Path], Table | Iterable[Table]]) -> bool:
    """Print each table once it is measured, or else the reason; return whether all were measured.

    On a busy machine any measurement may fail; the tables before it are printed all the same.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(Path(folder))
            for table in [measured] if isinstance(measured, Table) else measured:
                print(f"\n{table}", flush=True)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the others go on after any error
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return False
    return True


def keep(medians: dict[str, float]) -> None:
    """Keep the medians, and print them beside the last run on this machine."""
    if not medians:
        return
    run = results.Run(date=date(), machine=machine(), commit=results.commit(), medians=medians)
    last = results.last_run(run.machine, results.earlier_runs())
    if last:
        print(f"\n{results.comparison(run, last)}", flush=True)
    results.keep(run)


def of_stack(
    folder: Path, medians: dict[str, float], only: str | None, *, cold: bool, rounds: int
) -> Iterator[Table]:
    """Measure the commands and the releases; the table of the set-up comes last, with `down`."""
    if cold:
        os.environ["AUTH_CACHE_DIR"] = f"{folder}/cache"
    with contextlib.redirect_stdout(io.StringIO()):
        clone = copy_to(folder / "clone")
    set_up = Table("set-up", ["seconds"])
    try:
        if cold:
            _once(set_up, medians, clone, "up", "empty caches, engine built from source")
            _once(set_up, medians, clone, "down", "empty caches")
        _once(set_up, medians, clone, "up", "warm caches, nothing running")
        if not only:
            yield from _of_a_service(clone, medians, rounds=rounds)
        if only != "cluster":
            yield _quietly(lambda: fleet.growth(clone, medians))
        if only != "fleet":
            yield from _of_the_platforms(clone, set_up, medians, cold=cold, rounds=rounds)
    finally:
        _once(set_up, medians, clone, "down", "")
        yield set_up


def _of_a_service(clone: Clone, medians: dict[str, float], *, rounds: int) -> Iterator[Table]:
    yield _quietly(lambda: commands.unchanged(clone, medians, rounds=rounds))
    with contextlib.redirect_stdout(io.StringIO()):
        pipelines = Pipelines(clone, rounds=rounds)
    yield _quietly(lambda: pipelines.compare(medians))
    yield _quietly(lambda: pipelines.overhead(medians))
    yield _quietly(pipelines.image)


def _of_the_platforms(
    clone: Clone, set_up: Table, medians: dict[str, float], *, cold: bool, rounds: int
) -> Iterator[Table]:
    """Measure a cluster beside the server, and log-ins on it with more and more replicas."""
    if cold:
        _build_kubernetes(set_up, medians, clone)
    cluster.configure(clone)
    try:
        _once(set_up, medians, clone, f"up STACK={cluster.STACK}", "warm caches, beside a server")
        with contextlib.redirect_stdout(io.StringIO()):
            platforms = Platforms(clone, rounds=rounds)
        yield _quietly(lambda: platforms.memory(medians))
        yield _quietly(lambda: platforms.unchanged(medians))
        yield _quietly(lambda: platforms.changed(medians))
        yield _quietly(lambda: replicas.growth(platforms.cluster, medians, rounds=rounds))
    finally:
        _once(set_up, medians, clone, f"down STACK={cluster.STACK}", "")


def _build_kubernetes(table: Table, medians: dict[str, float], clone: Clone) -> None:
    """Time the builds that a first cluster adds: Kubernetes, and the plugin of the engine."""
    title = "Kubernetes and its plugin, built from source"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with contextlib.redirect_stdout(io.StringIO()):
        command = (".venv/bin/python", "-m", "toolchain", "kubernetes", "--plugin")
        medians[title] = seconds(lambda: _must(clone.run(*command)))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    of_cores = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    medians[f"{title}, of cores"] = of_cores
    table.add(title, f"{medians[title]:.1f}")
    table.note(f"The builds take {of_cores / 60:.1f} minutes of a core.")


def _must(result: Result) -> None:
    if result.status != 0:
        raise SystemExit(f"a command failed:\n{result.output[-3000:]}")


def _once(table: Table, medians: dict[str, float], clone: Clone, target: str, note: str) -> None:
    """Time a target of make that can't be repeated."""
    title = f"`make {target}`, {note}" if note else f"`make {target}`"

    def work() -> None:
        result = clone.make(*target.split())
        if result.status != 0:
            raise SystemExit(f"`make {target}` failed:\n{result.output[-3000:]}")

    with contextlib.redirect_stdout(io.StringIO()):
        medians[title] = seconds(work)
    table.add(title, f"{medians[title]:.1f}")
    print(f"{medians[title]:8.1f} s  {title}", file=sys.stderr, flush=True)


def _quietly(measure: Callable[[], Table]) -> Table:
    """Measure without the commands' own output, which the clone prints for tests."""
    with contextlib.redirect_stdout(io.StringIO()):
        return measure()


if __name__ == "__main__":
    main()
