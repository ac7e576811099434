"""The bytecode in the release tool's archive."""

import base64
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from components import release_tool


@pytest.fixture(name="tool")
def _tool(tmp_path: Path) -> Path:
    tool = tmp_path / "auth-release"
    tool.write_bytes(base64.b64decode(release_tool.archive()))
    return tool


def run(tool: Path, *argv: str) -> str:
    result = subprocess.run(
        [sys.executable, str(tool), *argv], capture_output=True, text=True, check=True
    )
    return result.stdout


def test_each_module_has_bytecode_that_python_takes(tool: Path, tmp_path: Path) -> None:
    help_text = run(tool, "--help")
    run(tool, "add-bytecode")

    with zipfile.ZipFile(tool) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sources = {name for name in files if name.endswith(".py")}
    assert {f"{name}c" for name in sources} == files.keys() - sources
    assert run(tool, "--help") == help_text

    without_sources = tmp_path / "without-sources"
    with zipfile.ZipFile(without_sources, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, b"raise AssertionError" if name in sources else content)
    assert "release the desired state" in run(without_sources, "--help")


def test_the_archive_stays_executable(tool: Path) -> None:
    tool.chmod(0o755)
    run(tool, "add-bytecode")

    assert tool.stat().st_mode & 0o777 == 0o755
    assert tool.read_bytes().startswith(b"#!/usr/bin/env python3\n")
