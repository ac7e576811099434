"""The image of the metrics store for the local stack: built on this machine, and pushed once."""

import base64
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import files, progress
from common.progress import StepError
from toolchain import victoria_metrics

_PROGRAM = "victoria-metrics-prod"  # as in the official image
_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")
_SECONDS = 300


def ensure(clone: Path, registry: Mapping[str, Any]) -> str:
    """Return the image, NAME@sha256:…, in the emulated cloud's registry; push it if missing."""
    version = victoria_metrics.version(clone)
    name = f"{registry['server']}/auth/victoria-metrics"
    # it goes with the registry
    note = Path(registry["password_file"]).with_name("dashboard-image")
    if note.exists() and (image := note.read_text()).startswith(f"{version} {name}@"):
        return image.partition(" ")[2]
    program = victoria_metrics.ensure(clone)
    with progress.step("Push the image of the metrics store"):
        image = f"{name}@{_push(program, f'{name}:{version}', registry)}"
    files.write(note, f"{version} {image}")
    return image


def _push(program: Path, name: str, registry: Mapping[str, Any]) -> str:
    """Make an image of the program alone, push it, and return its digest."""
    with tempfile.TemporaryDirectory() as folder:
        archive = (
            *("tar", "--create", "--directory", str(program.parent)),
            *(f"--transform=s|.*|{_PROGRAM}|", program.name),
        )
        with subprocess.Popen(archive, stdout=subprocess.PIPE) as packing:
            # a command, as Docker makes no container without
            command = f"CMD /{_PROGRAM}"
            _docker("import", "--change", command, "-", name, stdin=packing.stdout)
        password = Path(registry["password_file"]).read_text()
        login = base64.b64encode(f"{registry['username']}:{password}".encode()).decode()
        configuration = {"auths": {registry["server"]: {"auth": login}}}
        files.write(Path(folder) / "config.json", json.dumps(configuration))
        output = _docker("--config", folder, "push", name)
    return str(_PUSHED.findall(output)[0])


def _docker(*argv: str, stdin: Any = subprocess.DEVNULL) -> str:
    result = subprocess.run(
        ("docker", *argv),
        stdin=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if result.returncode != 0:
        raise StepError(f"`docker` failed for the metrics store: {result.stderr.strip()[-2000:]}")
    return result.stdout
