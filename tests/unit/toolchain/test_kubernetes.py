"""The build of the program of clusters."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.clone import CLONE
from toolchain import golang, kubernetes

Versions = Callable[[str], str]


@pytest.fixture(name="version_after")
def _version_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Versions:
    """Return the cached version of the program in a copy of the module with another main.go."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def program(_: Path, __: str, version: str, **options: Any) -> Path:
        asked.append((version, options))
        return Path(version)

    monkeypatch.setattr(golang, "program", program)
    module = tmp_path / "toolchain" / "kubernetes"
    shutil.copytree(CLONE / "toolchain" / "kubernetes", module)

    def version(more: str) -> str:
        (module / "main.go").write_text(f"package main\n{more}")
        kubernetes.ensure(tmp_path)
        assert "version.gitVersion=v1.34." in asked[-1][1]["ldflags"]
        return asked[-1][0]

    return version


def test_a_change_of_its_own_code_builds_the_program_anew(version_after: Versions) -> None:
    first = version_after("")
    assert first.startswith("1.34.")
    assert version_after("// changed") != first
    assert version_after("") == first
