"""The commands of the runbook, for tests that execute them."""

import re

from tests.testbed.clone import REPOSITORY

_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands(section: str, stack: str = "local") -> list[str]:
    """Return the commands of a section for a stack; the runbook writes them for the stack `dev`."""
    runbook = (REPOSITORY / "docs" / "runbook.md").read_text()
    text = runbook.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for block in _CONSOLE.findall(text) for line in block.splitlines()]
    found = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    assert found, f"the runbook has no commands under {section!r}"
    return [command.replace("STACK=dev", f"STACK={stack}") for command in found]
