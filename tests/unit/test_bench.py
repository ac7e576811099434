"""A failed measurement leaves the results of the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import service
from bench.table import Table


def measured(_: Path) -> Table:
    table = Table("at rest", ["seconds"])
    table.add("start to ready", "0.5")
    return table


@pytest.mark.parametrize("error", [TimeoutError("no answer within 20 s"), SystemExit("port 1")])
def test_what_was_measured_is_shown_although_the_next_one_fails(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(_: Path) -> Table:
        raise error

    measurements = {"at rest": measured, "memory": busy, "again": measured}
    monkeypatch.setattr(service, "measurements", lambda: measurements)
    monkeypatch.setattr("sys.argv", ["make bench", "--only", "service"])

    with pytest.raises(SystemExit, match="Not measured, for the reasons above: memory"):
        bench.main()

    shown = capsys.readouterr()
    assert shown.out.count("| start to ready | 0.5 |") == 2
    assert f"memory: {type(error).__name__}: {error}" in shown.err


def test_the_tables_of_a_stack_are_shown_as_far_as_they_go(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stack(folder: Path) -> Iterator[Table]:
        yield measured(folder)
        raise SystemExit("`make up` failed")

    assert not bench.shown("the stack", stack)

    shown = capsys.readouterr()
    assert "| start to ready | 0.5 |" in shown.out
    assert "the stack: SystemExit: `make up` failed" in shown.err
