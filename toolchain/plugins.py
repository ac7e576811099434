"""The provider plugins: each the official one where that can be had, else our stand-in."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

from toolchain import engine, story, venv

NAMES = ("oci", "docker", "command")
Choice = Literal["official", "standin"]


def ensure(clone: Path, env: Mapping[str, str]) -> dict[str, Choice]:
    """Make each plugin available; launchers of stand-ins land in `folder(clone)`.

    PLUGINS=official or PLUGINS=standin forces one kind. `env` must have the engine on its PATH.
    """
    forced = os.environ.get("PLUGINS", "")
    if forced not in {"", "official", "standin"}:
        raise story.StepError(
            f"PLUGINS is {forced!r}; it must be official, standin, or empty to take the official "
            "plugin where it can be had."
        )
    have: set[str] = set() if forced == "standin" else installed(env)
    chosen: dict[str, Choice] = {}
    for name in NAMES:
        chosen[name] = "standin"
        if forced == "standin":
            continue
        if name in have or shutil.which(f"pulumi-resource-{name}") or _install(name, env):
            chosen[name] = "official"
        elif forced == "official":
            raise story.StepError(
                f"The official {name} plugin {version(name)} is neither on PATH nor in Pulumi's "
                "plugin cache, and can't be downloaded from here. Leave PLUGINS empty to use our "
                "stand-in."
            )
    _write_launchers(clone, chosen)
    return chosen


def folder(clone: Path) -> Path:
    """Where the launchers of stand-ins are; the engine takes a plugin from PATH before its own."""
    return clone / ".local" / "plugins"


def version(name: str) -> str:
    """Give the version that belongs to the SDK in the environment."""
    return metadata.version(f"pulumi-{name}")


def installed(env: Mapping[str, str]) -> set[str]:
    """Name the plugins that Pulumi's cache holds in the version that the SDK wants."""
    result = subprocess.run(
        ["pulumi", "plugin", "ls", "--json"], env=env, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise story.StepError(f"`pulumi plugin ls` failed: {result.stderr.strip()}")
    found = {(plugin["name"], plugin["version"]) for plugin in json.loads(result.stdout)}
    return {name for name in NAMES if (name, version(name)) in found}


def _install(name: str, env: Mapping[str, str]) -> bool:
    if not _downloads_reachable():
        return False
    with story.step(f"Download the {name} plugin {version(name)}"):
        result = subprocess.run(
            ["pulumi", "plugin", "install", "resource", name, version(name)],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    return result.returncode == 0


_reachable: bool | None = None


def _downloads_reachable() -> bool:
    global _reachable  # noqa: PLW0603 - asked once a run, not once a plugin
    if _reachable is None:
        _reachable = engine.reachable()
    return _reachable


def _write_launchers(clone: Path, chosen: Mapping[str, Choice]) -> None:
    target = folder(clone)
    target.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        path = target / f"pulumi-resource-{name}"
        if chosen[name] == "official":
            path.unlink(missing_ok=True)
            continue
        text = (
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(clone))} exec {shlex.quote(str(venv.python(clone)))} "
            f'-m toolchain.standins.{name} "$@"\n'
        )
        if not path.exists() or path.read_text() != text:
            draft = path.with_name(f".{path.name}.new")
            draft.write_text(text)
            draft.chmod(0o755)
            draft.replace(path)
