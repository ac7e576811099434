"""The linter of GitHub's workflows, built from its pinned Go module: it has no wheel."""

import subprocess
from pathlib import Path

from toolchain import golang

VERSION = "1.7.12"
_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"


def run(clone: Path) -> int:
    """Lint every workflow of the clone; give the linter's exit status."""
    binary = ensure(clone)
    workflows = sorted((clone / ".github" / "workflows").glob("*.yml"))
    # the shell's linter would be used if somebody has it: the same result on each machine
    command = [str(binary), "-shellcheck=", "-pyflakes=", *map(str, workflows)]
    return subprocess.run(command, cwd=clone, check=False).returncode


def ensure(clone: Path) -> Path:
    """Give the linter, building it on first use."""
    return golang.program(
        clone / "toolchain" / "linters",
        _PACKAGE,
        VERSION,
        ldflags=f"-s -w -X github.com/rhysd/actionlint.version=v{VERSION}",
        use="Linting the workflows",
    )
