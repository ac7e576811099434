"""The program of clusters: all parts of Kubernetes in one file, built outside of this folder."""

import json
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from common import files
from localcloud.state.home import Home, HomeError

_PLACE = "/usr/local/bin/kubernetes"
_FILE = "kubernetes.json"
_SECONDS = 60
_WAY_OUT = (
    "Build the program with `python -m toolchain kubernetes`, and name the file that it prints."
)


@dataclass(frozen=True, kw_only=True)
class Program:
    """The program's file on this computer, and its version, such as `v1.34.4`."""

    file: str
    version: str

    @property
    def mount(self) -> str:
        """The value of Docker's --volume that shows the program to a machine."""
        return f"{self.file}:{_PLACE}:ro"


def name(home: Home, file: Path) -> Program:
    """Make a program the program of the home's clusters; raises HomeError for any other file."""
    try:
        answer = subprocess.run(
            [file, "kubelet", "--version"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or error
        raise HomeError(f"{file} does not run: {reason}. {_WAY_OUT}") from error
    version = re.fullmatch(r"Kubernetes (v\S+)\s*", answer)
    if version is None:
        raise HomeError(
            f"{file} is not the program of clusters: `{file} kubelet --version` answers "
            f"{answer[:80]!r}. {_WAY_OUT}"
        )
    program = Program(file=str(file.resolve()), version=version[1])
    files.write(home.path / _FILE, json.dumps(asdict(program)).encode())
    return program


def named(home: Home) -> Program | None:
    """Return the program of the home's clusters; None unless it was named and is there."""
    try:
        program = Program(**json.loads((home.path / _FILE).read_text()))
    except FileNotFoundError:
        return None
    return program if Path(program.file).exists() else None
