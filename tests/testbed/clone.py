"""A clone of the product, driven by the commands that people type."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
# generous: the first update on a machine builds the engine and the images
UP_SECONDS = 1500


@dataclass(frozen=True)
class Result:
    """The exit status of a command, and its output on both streams."""

    status: int
    output: str


@dataclass(frozen=True)
class Clone:
    """A clone of the product with a local stack, driven by the commands that people type."""

    path: Path

    def run(self, *argv: str, seconds: float = UP_SECONDS) -> Result:
        """Run a command in the clone; its output is shown when the test fails."""
        result = subprocess.run(
            argv,
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
            # the environment of this run must not lead into another stack
            env={
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("PULUMI_", "MAKE", "MFLAGS", "CLIENT_HOST_OVERRIDES"))
            },
        )
        print(f"$ {' '.join(argv)}\n{result.stdout}(status {result.returncode})\n")
        return Result(result.returncode, result.stdout)

    def make(self, *argv: str, seconds: float = UP_SECONDS) -> Result:
        return self.run("make", "--silent", *argv, seconds=seconds)

    def shell(self, script: str, seconds: float = 120) -> Result:
        """Run a script in a shell in which the plain tools work."""
        return self.run("bash", "-c", f'eval "$(make -s env)"; {script}', seconds=seconds)

    def outputs(self) -> dict[str, Any]:
        result = self.shell("pulumi stack output --stack local --json")
        assert result.status == 0, result.output
        return dict(json.loads(result.output))

    def append(self, source: str, text: str) -> None:
        """Add a line to a source file, which is a change of its image."""
        file = self.path / source
        file.write_text(f"{file.read_text()}\n{text}\n")

    def on_server(self, *argv: str) -> Result:
        """Run a command on the VM over SSH, with the key and the pinned host key of the stack."""
        return self.run("python3", "-m", "stack", "ssh", "--", *argv, seconds=120)


def copy_to(path: Path) -> Clone:
    """Copy the work tree, as it is now, into a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).exists():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target)
    clone = Clone(path)
    for command in (
        "git init --quiet",
        "git add --all",
        "git -c user.name=test -c user.email=test@example.test commit --quiet --message start",
    ):
        result = clone.run(*command.split())
        if result.status != 0:
            raise RuntimeError(result.output)
    return clone
