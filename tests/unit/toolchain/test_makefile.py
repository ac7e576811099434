"""`make help` is readable: in groups, the daily commands first, in 80 columns."""

import re
import subprocess

import pytest

from common.clone import CLONE


def help_lines() -> list[str]:
    command = ["make", "--silent", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=True)
    return shown.stdout.split("\n")


def test_help_fits_into_80_columns() -> None:
    assert [line for line in help_lines() if len(line) > 80] == []


def test_help_has_groups_with_the_daily_one_first() -> None:
    groups: dict[str, list[str]] = {}
    for line in filter(None, help_lines()):
        if line.endswith(":"):
            groups[line] = []
        elif line.startswith("  make "):
            groups[list(groups)[-1]].append(line.split()[1])

    assert next(iter(groups)) == "Every day:"
    assert {"up", "preview", "status", "logs", "rollback", "down"} <= set(groups["Every day:"])
    assert max(map(len, groups.values())) <= 15


def test_every_target_that_help_shows_is_one_of_the_makefile() -> None:
    phony = re.search(r"\.PHONY: ((?:.*\\\n)*.*)\n", (CLONE / "Makefile").read_text())
    assert phony
    targets = set(phony[1].replace("\\\n", " ").split())

    shown = {line.split()[1] for line in help_lines() if line.startswith("  make ")}
    assert shown <= targets, "a file of that name would hide it"


@pytest.mark.parametrize(
    ("target", "hint"),
    [("statsu", "Did you mean `make status`?"), ("it's nothing", "There is no target")],
)
def test_a_mistyped_target_is_answered_with_the_nearest_one(target: str, hint: str) -> None:
    answer = subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode != 0
    assert hint in answer.stderr
    assert "`make help` lists the targets" in answer.stderr
