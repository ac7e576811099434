"""The provider plugins: each the official one where that can be had, else our stand-in."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

from toolchain import archives, cache, downloads, story, venv

_INSTALL_SECONDS = 600
_STANDINS = b"toolchain.standins"
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
    if forced == "official":
        downloads.forget_failures()
    have: set[str] = set() if forced == "standin" else installed(env)
    chosen: dict[str, Choice] = {}
    for name in NAMES:
        chosen[name] = "standin"
        if forced == "standin":
            continue
        if name in have or on_path(name, env) or not (why_not := _install(clone, name, env)):
            chosen[name] = "official"
        elif forced == "official":
            raise story.StepError(
                f"The official {name} plugin {version(name)} is neither on PATH nor in Pulumi's "
                f"plugin cache, and can't be downloaded: {why_not}. Leave PLUGINS empty to use our "
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


def on_path(name: str, env: Mapping[str, str]) -> bool:
    """Tell whether somebody installed the official plugin where the engine looks first.

    In a shell with `make env`, launchers of stand-ins, of this clone or another, are there too.
    """
    return any(
        os.access(candidate, os.X_OK) and not _is_launcher(candidate)
        for folder in env["PATH"].split(os.pathsep)
        if (candidate := Path(folder) / f"pulumi-resource-{name}").is_file()
    )


def _install(clone: Path, name: str, env: Mapping[str, str]) -> str:
    """Download the plugin; return "" or the reason why that can't be done."""
    wanted = f"{name}-{version(name)}"
    if not downloads.reachable() or downloads.failed_lately(wanted):
        return f"{downloads.SERVER} can't be reached from here"
    archive = archives.plugin(name, version(name))
    try:
        with (
            story.step(f"Download the {name} plugin {version(name)}"),
            tempfile.TemporaryDirectory(dir=cache.folder()) as folder,
        ):
            file = Path(folder) / archive.name
            archives.fetch(clone, archive, file)
            story.run(
                *("pulumi", "plugin", "install", "resource", name, version(name)),
                *("--file", str(file)),
                env=env,
                log=cache.folder() / "log" / f"plugin-{name}.log",
                timeout=_INSTALL_SECONDS,
                remedy="Our stand-in serves instead, unless PLUGINS=official.",
            )
    except archives.TamperedError:
        raise
    except archives.UnpinnedError as error:
        print(f"  {error}.", file=sys.stderr)
        return str(error)
    except (story.StepError, OSError) as error:
        downloads.remember_failure(wanted)
        print(f"  {error}", file=sys.stderr)
        return str(error)
    return ""


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
            f'-m {_STANDINS.decode()}.{name} "$@"\n'
        )
        if not path.exists() or path.read_text() != text:
            draft = path.with_name(f".{path.name}.new")
            draft.write_text(text)
            draft.chmod(0o755)
            draft.replace(path)


def _is_launcher(plugin: Path) -> bool:
    with plugin.open("rb") as file:
        return _STANDINS in file.read(4096)
