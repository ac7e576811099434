"""Each plugin on its own: the official one where it can be had, else the stand-in."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from toolchain import downloads, plugins
from toolchain.story import StepError

OFFICIAL_EVERYWHERE = {name: plugins.version(name) for name in plugins.NAMES}


@pytest.fixture(name="cached")
def _cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give a machine that can't download, with a `pulumi` that tells a plugin cache from a file."""
    listing = tmp_path / "plugins.json"
    listing.write_text("[]")
    executable(tmp_path / "bin" / "pulumi", f"#!/bin/sh\ncat {listing}\n")
    monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PLUGINS", raising=False)
    monkeypatch.setattr(downloads, "reachable", lambda: False)
    return listing


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join([str(tmp_path / "bin"), "/usr/bin", "/bin"])}


def hold(listing: Path, versions: Mapping[str, str]) -> None:
    listing.write_text(json.dumps([{"name": n, "version": v} for n, v in versions.items()]))


def test_without_downloads_every_plugin_is_a_stand_in(cached: Path, tmp_path: Path) -> None:
    assert cached.exists()
    clone = tmp_path / "a clone's folder"

    assert set(plugins.ensure(clone, environment(tmp_path)).values()) == {"standin"}

    launchers = sorted(path.name for path in plugins.folder(clone).iterdir())
    assert launchers == [f"pulumi-resource-{name}" for name in sorted(plugins.NAMES)]
    assert all(os.access(path, os.X_OK) for path in plugins.folder(clone).iterdir())


def test_a_plugin_in_pulumis_cache_replaces_its_stand_in_and_no_other(
    cached: Path, tmp_path: Path
) -> None:
    plugins.ensure(tmp_path, environment(tmp_path))
    hold(cached, {"docker": plugins.version("docker")})

    chosen = plugins.ensure(tmp_path, environment(tmp_path))

    assert chosen == {"oci": "standin", "docker": "official", "command": "standin"}
    assert not (plugins.folder(tmp_path) / "pulumi-resource-docker").exists()


def test_another_version_in_pulumis_cache_does_not_count(cached: Path, tmp_path: Path) -> None:
    hold(cached, {**OFFICIAL_EVERYWHERE, "docker": "0.0.1"})

    assert plugins.ensure(tmp_path, environment(tmp_path))["docker"] == "standin"


def test_an_official_plugin_on_path_is_used(cached: Path, tmp_path: Path) -> None:
    assert cached.exists()
    executable(tmp_path / "bin" / "pulumi-resource-command", "\x7fELF")

    assert plugins.ensure(tmp_path, environment(tmp_path))["command"] == "official"


def test_a_launcher_of_ours_on_path_is_not_taken_for_the_official_plugin(
    cached: Path, tmp_path: Path
) -> None:
    assert cached.exists()
    plugins.ensure(tmp_path, environment(tmp_path))
    env = environment(tmp_path)
    env["PATH"] = f"{plugins.folder(tmp_path)}{os.pathsep}{env['PATH']}"

    assert set(plugins.ensure(tmp_path, env).values()) == {"standin"}


def test_stand_ins_can_be_forced(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(cached, OFFICIAL_EVERYWHERE)
    monkeypatch.setenv("PLUGINS", "standin")

    assert set(plugins.ensure(tmp_path, environment(tmp_path)).values()) == {"standin"}


def test_a_forced_official_plugin_that_can_not_be_had_is_an_error(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cached.exists()
    monkeypatch.setenv("PLUGINS", "official")

    with pytest.raises(StepError, match=r"official oci plugin .* can't be downloaded"):
        plugins.ensure(tmp_path, environment(tmp_path))


def test_a_misspelt_kind_of_plugin_is_refused(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cached.exists()
    monkeypatch.setenv("PLUGINS", "stand-in")

    with pytest.raises(StepError, match="'stand-in'"):
        plugins.ensure(tmp_path, environment(tmp_path))
