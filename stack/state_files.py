"""A state in files, read without a run of the CLI, which takes a third of a second.

The layout and the format are those of pulumi: pkg/backend/diy/store.go, and VersionedCheckpoint in
sdk/go/common/apitype/core.go.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.clone import STATES

_FILE = "file://"
_VERSIONS = (3, 4)  # of a checkpoint; both have the same resources
# marks a value as special, and its kind as a secret: sdk/go/common/resource/sig
_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_HIDDEN = "[secret]"  # as the CLI prints a secret


class StateFiles:
    """The stacks of a backend in files; of another backend nothing is known here."""

    def __init__(self, backend: str) -> None:
        folder = backend.removeprefix(_FILE) if backend.startswith(_FILE) else ""
        self._folder = Path(folder) / STATES if folder else None

    def names(self) -> list[str]:
        return [file.stem for file in self._folder.glob("*.json")] if self._folder else []

    def resources(self, stack: str) -> list[dict[str, Any]] | None:
        """Return the resources, secrets encrypted; None without a file of this format."""
        file = self._folder / f"{stack}.json" if self._folder else None
        if file is None or not file.exists():
            return None
        document = json.loads(file.read_text())
        if document.get("version") not in _VERSIONS:
            return None
        latest = document["checkpoint"].get("latest") or {}
        return list(latest.get("resources") or [])


def outputs_of(resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the stack's outputs as the CLI does, secrets hidden."""
    for resource in resources:
        if resource.get("type") == "pulumi:pulumi:Stack" and not resource.get("delete"):
            return {
                name: _HIDDEN if _is_secret(value) else value
                for name, value in (resource.get("outputs") or {}).items()
            }
    return {}


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET
