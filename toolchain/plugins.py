"""The provider plugins of a stack: official plugins, or our stand-ins on the emulated cloud."""

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

from common import cache, files, progress
from toolchain import archives, downloads, venv

NAMES = ("oci", "docker", "command")
KUBERNETES = (
    "kubernetes"  # for clusters alone, and without a stand-in: toolchain/kubernetes_plugin.py
)
Choice = Literal["official", "standin"]
_INSTALL_SECONDS = 600
_PATIENT_SECONDS = 30
_STANDINS = b"standins"
_WAY_OUT = (
    "Run this where the download can be reached, install the plugin from a file (pulumi plugin "
    "install resource {name} {version} --file FILE), or name a folder that holds the official "
    "plugins: OFFICIAL_PLUGINS=DIR"
)


def install(clone: Path, env: Mapping[str, str]) -> dict[str, Choice]:
    """Put a plugin of each name into the local stack's `home`, and return their kinds.

    Each is the official plugin if it is available, else our stand-in. PLUGINS=official or
    PLUGINS=standin forces a kind, OFFICIAL_PLUGINS=DIR takes official plugins from a folder. `env`
    must have the engine on its PATH.
    """
    forced = _forced()
    if forced == "official":
        downloads.forget_failures()
    kinds: dict[str, Choice] = {}
    for name in NAMES:
        target = executable(home(clone), name)
        kinds[name] = "standin"
        if forced == "standin":
            _write_launcher(clone, target, name)
            continue
        reason = None
        official = official_plugin(name, env)
        if not official and in_local_shell() and _is_official(target):
            official = target  # found in a home that this shell no longer names
        if not official:
            reason = download(clone, name, env)
            official = official_plugin(name, env)
        if official:
            kinds[name] = "official"
            if target != official:
                files.link(target, official)
        elif forced == "official":
            raise progress.StepError(_missing(name, reason))
        else:
            _write_launcher(clone, target, name)
    return kinds


def fetch(clone: Path, env: Mapping[str, str]) -> None:
    """Get the official plugins that can be had, as `make tools` does before a stack is named.

    With PLUGINS=official each of them must be.
    """
    forced = _forced()
    if forced == "official":
        downloads.forget_failures()
    for name in NAMES if forced != "standin" else ():
        reason = None if official_plugin(name, env) else download(clone, name, env)
        if reason and forced == "official":
            raise progress.StepError(_missing(name, reason))


def require(clone: Path, env: Mapping[str, str], stack: str) -> None:
    """Return when each official plugin is there, for a stack on a real tenancy.

    A stand-in knows the emulated cloud alone, so here a missing plugin is an error. The downloads
    are asked each time: an earlier failure is no answer.
    """
    if _forced() == "standin":
        raise progress.StepError(
            f"PLUGINS is 'standin', and the stack {stack} is a real tenancy: our stand-ins work on "
            "the emulated cloud alone. Unset PLUGINS, then try again."
        )
    for name in NAMES:
        launcher = next(filter(_is_launcher, _on_path(name, env)), None)
        if launcher:
            raise progress.StepError(
                f"PATH leads to our stand-in {launcher}, and the stack {stack} is a real tenancy. "
                "Open a new shell, then try again."
            )
        if official_plugin(name, env):
            continue
        downloads.forget_failures()
        reason = download(clone, name, env, answer_seconds=_PATIENT_SECONDS)
        if reason:
            raise progress.StepError(
                f"{_missing(name, reason)} The stack {stack} is a real tenancy, where no stand-in "
                "takes its place."
            )


def home(clone: Path) -> Path:
    """Return the local stack's PULUMI_HOME: no other stack's engine sees the stand-ins in it."""
    return clone / ".local" / "pulumi"


def in_local_shell() -> bool:
    """Check whether `make env` led this shell to a local stack."""
    return Path(os.environ.get("PULUMI_HOME", "")).parts[-2:] == home(Path()).parts[-2:]


def on_path(env: Mapping[str, str]) -> bool:
    """Check whether the engine finds any of the plugins on PATH."""
    return any(_on_path(name, env) for name in NAMES)


def official_folder() -> Path | None:
    """Return the folder that OFFICIAL_PLUGINS names; raise StepError if a plugin is not in it."""
    chosen = os.environ.get("OFFICIAL_PLUGINS", "")
    if not chosen:
        return None
    path = Path(chosen).expanduser().resolve()
    lacking = [
        f"pulumi-resource-{name}"
        for name in NAMES
        if not os.access(path / f"pulumi-resource-{name}", os.X_OK)
    ]
    if lacking:
        raise progress.StepError(
            f"OFFICIAL_PLUGINS is {chosen!r}, which holds no executable {', no '.join(lacking)}. "
            "Name the folder that holds all three plugins, or unset it."
        )
    return path


def asked_for(env: Mapping[str, str]) -> dict[str, Path] | None:
    """Return the official plugins by name where PLUGINS or OFFICIAL_PLUGINS asks for them.

    Nothing is downloaded: raises StepError for a plugin that `make tools` did not get yet.
    """
    if _forced() != "official" and not official_folder():
        return None
    chosen: dict[str, Path] = {}
    for name in NAMES:
        plugin = official_plugin(name, env)
        if not plugin:
            raise progress.StepError(_missing(name, "`make tools` did not get it yet"))
        chosen[name] = plugin
    return chosen


def installed(clone: Path) -> dict[str, Choice]:
    """Return the kind of each plugin in the local stack's home."""
    return {
        name: "standin" if _is_launcher(executable(home(clone), name)) else "official"
        for name in NAMES
    }


def version(name: str) -> str:
    """Return the version that belongs to the SDK in the environment."""
    return metadata.version(f"pulumi-{name}")


def _forced() -> str:
    forced = os.environ.get("PLUGINS", "")
    if forced not in {"", "official", "standin"}:
        raise progress.StepError(
            f"PLUGINS is {forced!r}; it must be official, standin, or empty to take the official "
            "plugin where it can be had."
        )
    if forced == "standin" and os.environ.get("OFFICIAL_PLUGINS"):
        raise progress.StepError("PLUGINS is 'standin', and OFFICIAL_PLUGINS is set. Unset either.")
    return forced


def official_plugin(name: str, env: Mapping[str, str]) -> Path | None:
    """Find the official plugin: in OFFICIAL_PLUGINS, on PATH, or in the user's plugin cache."""
    chosen = official_folder()
    # a folder without the plugin for Kubernetes serves all other platforms
    if chosen and (name in NAMES or (chosen / f"pulumi-resource-{name}").exists()):
        return chosen / f"pulumi-resource-{name}"
    cached = executable(users_home(), name)
    candidates = [*_on_path(name, env), cached]
    return next(filter(_is_official, candidates), None)


def executable(pulumi_home: Path, name: str) -> Path:
    """Return the path where the engine looks for the plugin in its cache."""
    return pulumi_home / "plugins" / f"resource-{name}-v{version(name)}" / f"pulumi-resource-{name}"


def versions() -> dict[str, str]:
    """Return the version of each plugin that the program can use, on any platform."""
    return {name: version(name) for name in (*NAMES, KUBERNETES)}


def users_home() -> Path:
    """Return the folder where this user's Pulumi keeps its plugins.

    In a shell of `make env`, PULUMI_HOME is the local stack's.
    """
    chosen = os.environ.get("PULUMI_HOME", "")
    if not chosen or in_local_shell():
        chosen = "~/.pulumi"
    return Path(chosen).expanduser()


def _on_path(name: str, env: Mapping[str, str]) -> list[Path]:
    candidates = [
        Path(entry) / f"pulumi-resource-{name}" for entry in env["PATH"].split(os.pathsep) if entry
    ]
    return [path for path in candidates if path.is_file() and os.access(path, os.X_OK)]


def _is_official(plugin: Path) -> bool:
    installing = plugin.parent.with_name(f"{plugin.parent.name}.partial").exists()
    return (
        plugin.is_file()
        and os.access(plugin, os.X_OK)
        and not installing
        and not _is_launcher(plugin)
    )


def _is_launcher(plugin: Path) -> bool:
    with plugin.open("rb") as file:
        return _STANDINS in file.read(4096)


def download(
    clone: Path, name: str, env: Mapping[str, str], answer_seconds: float = 5
) -> str | None:
    """Download the plugin into the user's plugin cache; return the reason of a failure."""
    wanted = f"{name}-{version(name)}"
    if not downloads.reachable(answer_seconds) or downloads.failed_lately(wanted):
        return f"{downloads.SERVER} can't be reached from here"
    archive = archives.plugin(name, version(name))
    try:
        with (
            progress.step(f"Download the {name} plugin {version(name)}"),
            tempfile.TemporaryDirectory(dir=cache.folder()) as scratch,
        ):
            file = Path(scratch) / archive.name
            archives.fetch(clone, archive, file)
            progress.run(
                *("pulumi", "plugin", "install", "resource", name, version(name)),
                *("--file", str(file)),
                env={**env, "PULUMI_HOME": str(users_home())},
                log=cache.folder() / "log" / f"plugin-{name}.log",
                timeout=_INSTALL_SECONDS,
                remedy="The emulated cloud works without it.",
            )
    except archives.TamperedError:
        raise
    except archives.UnpinnedError as error:
        print(f"  {error}.", file=sys.stderr)
        return str(error)
    except (progress.StepError, OSError) as error:
        downloads.remember_failure(wanted)
        print(f"  {error}", file=sys.stderr)
        return "its download failed, as shown above"
    return None


def _missing(name: str, reason: str | None) -> str:
    way_out = _WAY_OUT.format(name=name, version=version(name))
    return (
        f"The official {name} plugin {version(name)} is not on this machine, and {reason}. "
        f"{way_out}."
    )


def _write_launcher(clone: Path, target: Path, name: str) -> None:
    # a program of another stack must not meet it, however it came by this folder
    text = (
        "#!/bin/sh\n"
        'if [ -z "$CLIENT_HOST_OVERRIDES" ]; then\n'
        f'  echo "the stand-in for the {name} plugin works on the emulated cloud alone" >&2\n'
        "  exit 1\n"
        "fi\n"
        f"PYTHONPATH={shlex.quote(str(clone))} exec {shlex.quote(str(venv.python(clone)))} "
        f'-m standins {name} "$@"\n'
    )
    if not target.is_symlink() and target.exists() and target.read_text() == text:
        return
    files.write(target, text, mode=0o755)
