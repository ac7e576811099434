"""The commands of a developer when nothing changed, each beside the least that it could take."""

import statistics
from pathlib import Path
from typing import Any

from bench.table import Table
from bench.timing import Shell, interleaved, ratio
from tests.testbed.clone import Clone

EMPTY, UP, MAKE_UP = "`pulumi up` of an empty program", "`pulumi up`", "`make up`"
SSH, STATUS, LOGS = "`ssh … true`", "`make status`", "`make logs`"
_REFERENCES = {UP: EMPTY, MAKE_UP: UP, STATUS: SSH, LOGS: SSH}
# the empty program belongs to no stack of the clone
_OWN_PROJECT: dict[str, Any] = {"PULUMI_OPTION_CONFIG_FILE": None, "PULUMI_STACK": None}


def unchanged(clone: Clone, medians: dict[str, float], *, rounds: int) -> Table:
    """Time the commands in interleaved rounds; a ratio compares the times of a round."""
    shell = Shell(clone)
    folder = _empty_program(shell, clone.path)
    ssh = shell.run("pulumi", "stack", "output", "sshCommand", "--stack", "local").split()
    update = ["pulumi", "up", "--yes", "--skip-preview", "--stack"]
    times = interleaved(
        {
            EMPTY: lambda: shell.run(*update, "empty", folder=folder, **_OWN_PROJECT),
            UP: lambda: shell.run(*update, "local"),
            MAKE_UP: lambda: shell.run("make", "--silent", "up"),
            SSH: lambda: shell.run(*ssh, "true"),
            STATUS: lambda: shell.run("make", "--silent", "status"),
            LOGS: lambda: shell.run("make", "--silent", "logs"),
        },
        rounds=rounds,
    )
    table = Table("nothing changed", ["seconds", "ratio", "to"])
    for title, seconds in times.items():
        medians[f"{title}, nothing changed"] = statistics.median(seconds)
        reference = _REFERENCES.get(title)
        cells = ("", "")
        if reference:
            factor = ratio(seconds, times[reference])
            medians[f"{title}, nothing changed, x"] = factor
            cells = (f"{factor:.1f}", reference)
        table.add(title, f"{statistics.median(seconds):.1f}", *cells)
    return table


def _empty_program(shell: Shell, clone: Path) -> Path:
    """Make a stack of a program without resources, with the Python of the clone."""
    folder = clone / ".local" / "empty"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        "name: empty\nruntime:\n  name: python\n  options:\n    toolchain: pip\n"
        f"    virtualenv: {clone / '.venv'}\n"
    )
    (folder / "__main__.py").write_text("")
    shell.run("pulumi", "stack", "init", "empty", folder=folder, **_OWN_PROJECT)
    return folder
