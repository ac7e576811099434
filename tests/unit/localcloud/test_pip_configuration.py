"""The settings of pip on this computer, for the image that installs packages."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from localcloud.machines import images

KEYS = ("index-url", "extra-index-url", "trusted-host")


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(file: Path, **settings: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key.replace('_', '-')} = {value}" for key, value in settings.items()]
    file.write_text("\n".join(["[global]", *lines, ""]))


def of_pip() -> Mapping[str, str]:
    """Ask pip itself for the settings in its files."""
    values = {}
    for key in KEYS:
        command = [sys.executable, "-m", "pip", "config", "get", f"global.{key}"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        values[key] = asked.stdout.strip()
    return {key: value for key, value in values.items() if value}


def ours() -> Mapping[str, str]:
    lines = images.pip_configuration().splitlines()
    assert lines[0] == "[global]"
    return {key: value for key, _, value in (line.partition(" = ") for line in lines[1:])}


def test_the_settings_are_those_that_pip_itself_reads(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ours() == of_pip()

    write(home / ".pip/pip.conf", index_url="https://old.test/simple", trusted_host="old.test")
    write(home / ".config/pip/pip.conf", index_url="https://user.test/simple")
    assert ours() == of_pip()
    assert ours()["trusted-host"] == "old.test"

    write(home / "named.conf", extra_index_url="https://extra.test/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(home / "named.conf"))
    assert ours() == of_pip()
    assert ours()["extra-index-url"] == "https://extra.test/simple"


def test_a_variable_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".config/pip/pip.conf", index_url="https://user.test/simple")
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.test/simple")

    assert ours()["index-url"] == "https://variable.test/simple"


def test_a_computer_without_settings_has_an_empty_section(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_SYSTEM_FILE", home / "none")
    monkeypatch.setattr(sys, "base_prefix", str(home))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(home))

    assert images.pip_configuration() == "[global]\n"
