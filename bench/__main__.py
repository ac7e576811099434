"""Measures how long things take, on a stack of its own: `make bench`.

Nothing is asserted. Seconds are of one run and say something about this machine only; ratios are of
commands that were timed in the same run, and carry over.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench import fleet, service
from bench.pipelines import Pipelines
from bench.table import Table, here
from tests.testbed.clone import Clone, copy_to

_REPEAT = 3
_MAKE = ("make", "--silent")


class Commands:
    """Times commands in a clone and remembers each as a row of a table."""

    def __init__(self, clone: Clone) -> None:
        self._clone = clone
        self.table = Table("command", ["seconds"])

    def time(self, title: str, *argv: str, repeat: int = 1) -> float:
        """Run a command `repeat` times, note the fastest and give it."""
        fastest = min(self._once(*argv) for _ in range(repeat))
        self.table.add(title, f"{fastest:.1f}")
        print(f"{fastest:8.1f} s  {title}", file=sys.stderr, flush=True)
        return fastest

    def _once(self, *argv: str) -> float:
        started = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()):
            result = self._clone.run(*argv)
        if result.status != 0:
            raise SystemExit(f"`{' '.join(argv)}` failed:\n{result.output[-3000:]}")
        return time.monotonic() - started


@contextlib.contextmanager
def empty_program(clone: Clone) -> Iterator[str]:
    """Make a stack of a program without resources; give the shell line that updates it."""
    folder = clone.path / ".local" / "empty"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
    (folder / "__main__.py").write_text("")
    prelude = f'eval "$(make -s env)"; unset PULUMI_OPTION_CONFIG_FILE; cd {folder}'
    with contextlib.redirect_stdout(io.StringIO()):
        made = clone.run("bash", "-c", f"{prelude}; pulumi stack init empty")
    if made.status != 0:
        raise SystemExit("the empty stack could not be made")
    yield f"{prelude}; pulumi up --yes --skip-preview --stack empty"
    with contextlib.redirect_stdout(io.StringIO()):
        clone.run("bash", "-c", f"{prelude}; pulumi stack rm --yes --stack empty")


def bring_up(commands: Commands, *, cold: bool) -> None:
    if cold:
        commands.time("`make up`, empty caches, engine built from source", *_MAKE, "up")
        commands.time("`make down`", *_MAKE, "down")
    commands.time("`make up`, warm caches, nothing running", *_MAKE, "up")


def without_change(commands: Commands, clone: Clone) -> None:
    commands.time("`make up`, nothing changed", *_MAKE, "up", repeat=_REPEAT)
    plain = 'eval "$(make -s env)"; pulumi up --yes --skip-preview --stack local'
    ours = commands.time("`pulumi up`, nothing changed", "bash", "-c", plain, repeat=_REPEAT)
    with empty_program(clone) as update:
        title = "`pulumi up` of an empty program"
        floor = commands.time(title, "bash", "-c", update, repeat=_REPEAT)
    commands.table.note(
        f"`pulumi up` with nothing changed takes {ours / floor:.1f} times an empty program's."
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cold", action="store_true", help="also from empty caches (COLD=1)")
    parser.add_argument("--only", choices=["service"], help="no stack, the service alone (ONLY=)")
    arguments = parser.parse_args()
    print(here(), flush=True)
    failed = []
    if not arguments.only and not shown(
        "the stack", lambda folder: of_stack(folder, cold=arguments.cold)
    ):
        failed.append("the stack")
    failed += [name for name, measure in service.measurements().items() if not shown(name, measure)]
    if failed:
        raise SystemExit(f"Not measured, for the reasons above: {', '.join(failed)}.")


def shown(name: str, measure: Callable[[Path], Table | Iterable[Table]]) -> bool:
    """Print each table once it is measured, or else the reason; return whether all were measured.

    A busy machine makes any of them fail: what was measured before is not lost by that.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(Path(folder))
            for table in [measured] if isinstance(measured, Table) else measured:
                print(f"\n{table}", flush=True)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the others go on
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return False
    return True


def of_stack(folder: Path, *, cold: bool) -> Iterator[Table]:
    """Measure the commands and the releases; the table of the commands comes last, with `down`."""
    if cold:
        os.environ["AUTH_CACHE_DIR"] = f"{folder}/cache"
    with contextlib.redirect_stdout(io.StringIO()):
        clone = copy_to(folder / "clone")
    commands = Commands(clone)
    try:
        bring_up(commands, cold=cold)
        without_change(commands, clone)
        pipelines = Pipelines(clone)
        for measure in (pipelines.compare, pipelines.overhead, pipelines.image):
            yield _quietly(measure)
        yield _quietly(lambda: fleet.growth(clone))
    finally:
        commands.time("`make down`", *_MAKE, "down")
        yield commands.table


def _quietly(measure: Callable[[], Table]) -> Table:
    """Measure without the commands' own output, which the clone prints for tests."""
    with contextlib.redirect_stdout(io.StringIO()):
        return measure()


if __name__ == "__main__":
    main()
