"""The linter of GitHub's workflows, built from its pinned Go module: it has no wheel."""

import subprocess
from pathlib import Path

from common import cache, progress
from toolchain import golang

VERSION = "1.7.12"
_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"
_BUILD_GIGABYTES = 1
_WAY_OUT = "Linting the workflows takes {go}. Install it (https://go.dev/dl), then try again."


def run(clone: Path) -> int:
    """Lint every workflow of the clone; give the linter's exit status."""
    binary = ensure(clone)
    workflows = sorted((clone / ".github" / "workflows").glob("*.yml"))
    # the shell's linter would be used if somebody has it: the same result on each machine
    command = [str(binary), "-shellcheck=", "-pyflakes=", *map(str, workflows)]
    return subprocess.run(command, cwd=clone, check=False).returncode


def ensure(clone: Path) -> Path:
    """Give the linter, building it on first use."""
    target = cache.folder() / "actionlint" / VERSION
    return cache.made(target, lambda draft: _build(clone, draft)) / "actionlint"


def _build(clone: Path, draft: Path) -> None:
    module = clone / "toolchain" / "linters"
    scratch = cache.folder() / "go-linters"
    env = golang.environment(scratch)
    golang.check(module, env, _WAY_OUT)
    cache.need_space(draft, _BUILD_GIGABYTES, "building actionlint")
    with progress.step(f"Build actionlint {VERSION} from Go modules (once)"):
        golang.build(
            module,
            _PACKAGE,
            draft,
            ldflags=f"-s -w -X github.com/rhysd/actionlint.version=v{VERSION}",
            env=env,
            remedy="Is the Go module proxy reachable?",
        )
    golang.remove(scratch)
