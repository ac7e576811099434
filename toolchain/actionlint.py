"""The linter of GitHub's workflows, built from its pinned Go module: it has no wheel."""

import subprocess
from pathlib import Path

from toolchain import golang

_NAME = "github.com/rhysd/actionlint"


def run(clone: Path) -> int:
    """Lint every workflow of the clone; give the linter's exit status."""
    binary = ensure(clone)
    workflows = sorted((clone / ".github" / "workflows").glob("*.yml"))
    # the shell's linter would be used if somebody has it: the same result on each machine
    command = [str(binary), "-shellcheck=", "-pyflakes=", *map(str, workflows)]
    return subprocess.run(command, cwd=clone, check=False).returncode


def ensure(clone: Path) -> Path:
    """Give the linter, building it on first use."""
    module = clone / "toolchain" / "linters"
    version = golang.required(module, _NAME)
    return golang.program(
        module,
        f"{_NAME}/cmd/actionlint",
        version.removeprefix("v"),
        ldflags=f"-s -w -X {_NAME}.version={version}",
        use="Linting the workflows",
    )
