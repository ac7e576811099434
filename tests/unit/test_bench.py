"""A failed measurement leaves the results of the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import platforms, results, service, timing
from bench.changed_line import Line
from bench.table import Table
from tests.testbed.clone import Clone


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


def test_a_part_of_the_stack_is_measured_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts: list[str | None] = []

    def stack(folder: Path, _: object, only: str | None, **__: object) -> Iterator[Table]:
        parts.append(only)
        yield measured(folder)

    monkeypatch.setattr(bench, "of_stack", stack)
    monkeypatch.setattr(service, "measurements", lambda: {"memory": measured})
    monkeypatch.setattr("sys.argv", ["make bench", "--only", "cluster"])

    bench.main()

    assert parts == ["cluster"]
    assert capsys.readouterr().out.count("start to ready") == 1, "the service is another part"


def run(machine: str, commit: str, **medians: float) -> results.Run:
    return results.Run(date="2026-01-01", machine=machine, commit=commit, medians=medians)


def test_a_run_is_compared_with_the_last_run_of_the_same_machine(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    for earlier in (run("2 cores", "a"), run("2 cores", "b", up=2.0), run("64 cores", "c")):
        results.keep(earlier, file)

    last = results.last_run("2 cores", results.earlier_runs(file))

    assert last == run("2 cores", "b", up=2.0)
    table = str(results.comparison(run("2 cores", "d", up=3.0, new=1.0), last))
    assert "| up | 2.00 | 3.00 | 1.50 |" in table
    assert "new" not in table, "there is no earlier value"
    assert results.last_run("4 cores", results.earlier_runs(file)) is None


def test_the_file_of_results_does_not_grow_without_end(tmp_path: Path) -> None:
    for number in range(30):
        results.keep(run("2 cores", str(number)), tmp_path / "results.json")

    commits = [each.commit for each in results.earlier_runs(tmp_path / "results.json")]
    assert commits == [str(number) for number in range(10, 30)]


def test_a_busy_round_does_not_change_a_ratio() -> None:
    assert timing.ratio([2, 20, 2], [1, 10, 1]) == 2


def test_commands_are_timed_in_turn() -> None:
    order: list[str] = []

    timing.interleaved({name: lambda n=name: order.append(n) for name in "ab"}, rounds=2)  # type: ignore[misc]

    assert order == ["a", "b", "a", "b"]


def test_the_best_rate_of_each_measure_counts() -> None:
    rates = iter([1.0, 10.0, 3.0, 20.0, 2.0, 5.0])

    assert timing.best_rates(*[lambda: next(rates)] * 2, rounds=3) == [3, 20]


def test_each_change_of_the_line_is_another_one(tmp_path: Path) -> None:
    source = tmp_path / "service" / "auth" / "__init__.py"
    source.parent.mkdir(parents=True)
    source.write_text('"""The service."""\n')
    line = Line(Clone(tmp_path))

    changes = [line.edit() for _ in range(3)]

    assert len(set(changes)) == 3
    assert [change in source.read_text() for change in changes] == [False, False, True]


@pytest.mark.parametrize(
    ("hostname", "role"),
    [
        ("control-plane-of-auth-local-cluster", platforms.CONTROL_PLANE),
        ("oke-c2vr3qwtzeja-ngq45ndg6hga-0", platforms.NODE),
        ("auth", platforms.SERVER),
    ],
)
def test_a_machine_counts_for_its_role(hostname: str, role: str) -> None:
    assert platforms.role(hostname) == role
