"""Measures how long things take, on a stack of its own: `make bench`.

Nothing is asserted. Seconds are of one run and say something about this machine only; ratios are of
commands that were timed in the same run, and carry over.
"""

import argparse
import contextlib
import datetime as dt
import io
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.clone import Clone, copy_to

_SOURCE = "service/auth/__init__.py"
_REPEAT = 3


class Bench:
    """Times commands in a clone and remembers each as a row of the table."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.rows: list[tuple[str, float]] = []

    def time(self, title: str, *argv: str, repeat: int = 1) -> float:
        """Run a command `repeat` times, note the fastest and give it."""
        fastest = min(self._once(*argv) for _ in range(repeat))
        self.rows.append((title, fastest))
        print(f"{fastest:8.1f} s  {title}", file=sys.stderr, flush=True)
        return fastest

    def _once(self, *argv: str) -> float:
        started = time.monotonic()
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            result = self.clone.run(*argv)
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
    if clone.run("bash", "-c", f"{prelude}; pulumi stack init empty").status != 0:
        raise SystemExit("the empty stack could not be made")
    yield f"{prelude}; pulumi up --yes --skip-preview --stack empty"
    clone.run("bash", "-c", f"{prelude}; pulumi stack rm --yes --stack empty")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cold", action="store_true", help="also from empty caches (COLD=1)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.cold:
            os.environ["AUTH_CACHE_DIR"] = f"{folder}/cache"
        bench = Bench(copy_to(Path(folder) / "clone"))
        make = ("make", "--silent")
        try:
            if arguments.cold:
                bench.time("`make up`, empty caches, engine built from source", *make, "up")
                bench.time("`make down`", *make, "down")
            bench.time("`make up`, warm caches, nothing running", *make, "up")
            bench.time("`make up`, nothing changed", *make, "up", repeat=_REPEAT)
            plain = 'eval "$(make -s env)"; pulumi up --yes --skip-preview --stack local'
            ours = bench.time("`pulumi up`, nothing changed", "bash", "-c", plain, repeat=_REPEAT)
            with empty_program(bench.clone) as update:
                title = "`pulumi up` of an empty program"
                floor = bench.time(title, "bash", "-c", update, repeat=_REPEAT)
            source = bench.clone.path / _SOURCE
            source.write_text(source.read_text() + '\nCHANGED = "by the benchmark"\n')
            bench.time("a changed line, from `make up` to serving", *make, "up")
        finally:
            bench.time("`make down`", *make, "down")
    print(table(bench.rows, ratio=ours / floor))


def table(rows: list[tuple[str, float]], *, ratio: float) -> str:
    """Render the rows as Markdown, with what they were measured on."""
    today = dt.datetime.now(dt.UTC).date()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    where = f"{os.cpu_count()} cores, {memory} GiB, {platform.machine()}"
    lines = [f"{today}, {where}, Linux {platform.release().partition('-')[0]}:", ""]
    lines += ["| what | seconds |", "|---|---:|"]
    lines += [f"| {title} | {seconds:.1f} |" for title, seconds in rows]
    lines += ["", f"`pulumi up` with nothing changed takes {ratio:.1f} times an empty program's."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
