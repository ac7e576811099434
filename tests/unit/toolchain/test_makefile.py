"""`make help` is readable: in groups, the daily commands first, in 80 columns."""

import re
import subprocess

import pytest

from common.clone import CLONE

MAKEFILE = (CLONE / "Makefile").read_text()
# of all commands: the last lines of the help have them
OF_ALL = {"STACK", "PYTHON"}


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


def test_help_shows_the_targets_of_the_makefile_and_no_other() -> None:
    phony = re.search(r"\.PHONY: ((?:.*\\\n)*.*)\n", MAKEFILE)
    assert phony
    targets = set(phony[1].replace("\\\n", " ").split())

    assert set(help_texts()) == targets, "a file of the name would hide one that is not phony"
    assert set(recipes()) == targets


def test_help_names_each_variable_that_a_target_reads() -> None:
    shown = help_texts()
    assert [
        f"{target}: {name}"
        for target, recipe in recipes().items()
        for name in sorted(variables(recipe) - OF_ALL)
        if not re.search(rf"\b{name}=", shown.get(target, ""))
    ] == []
    assert all(f"{name}=" in "".join(help_lines()[-4:]) for name in OF_ALL)


def help_texts() -> dict[str, str]:
    """Return the help of each target; its variables may have lines of their own below it."""
    texts: dict[str, str] = {}
    for line in help_lines():
        if line.startswith("  make "):
            target, _, text = line.removeprefix("  make ").partition(" ")
            texts[target] = text
        elif line.startswith("    "):
            texts[next(reversed(texts))] += line
    return texts


def recipes() -> dict[str, str]:
    """Return the text of each rule: its prerequisites and its recipe."""
    rules = re.findall(r"^([a-z0-9-]+):(?!=)(.*\n(?:[#\t].*\n|\t\t.*\n)*)", MAKEFILE, re.MULTILINE)
    return {
        target: "".join(line for line in text.splitlines(True) if not line.startswith("#"))
        for target, text in rules
    }


def variables(text: str) -> set[str]:
    """Return the names in a rule that a person sets, also by a variable of the Makefile's own."""
    own = dict(re.findall(r"^([A-Z_]+) = (.*)$", MAKEFILE, re.MULTILINE))
    names = set(re.findall(r"\$[({](?:value )?([A-Z_]+)[)}]|\$\$([A-Z_]+)", text))
    found: set[str] = set()
    for name in {first or second for first, second in names}:
        if name == "OF_INIT":
            found |= set(own[name].split())
        else:
            found |= variables(own[name]) if name in own else {name}
    return found - {"MAKEFILE_LIST"}


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


@pytest.mark.parametrize(
    "target", ["status", "history", "logs", "alarms", "alerts", "backups", "cost"]
)
@pytest.mark.parametrize(
    ("status", "answer"),
    [(0, (0, "")), (141, (0, "")), (3, (2, "Error"))],
    ids=["good", "its reader is gone", "it fails"],
)
def test_a_list_whose_reader_has_enough_ends_without_an_error(
    target: str, status: int, answer: tuple[int, str]
) -> None:
    command = ["make", "--silent", target, f"STACKS=sh -c 'exit {status}'"]
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)

    assert (done.returncode, "Error" if "Error" in done.stderr else done.stderr) == answer
