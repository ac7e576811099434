"""The plugin for Kubernetes is the official one: from this machine, a download, or a build."""

import os
from pathlib import Path

import pytest

from toolchain import downloads, kubernetes, kubernetes_plugin, plugins
from toolchain.plugins import KUBERNETES

Environment = dict[str, str]


@pytest.fixture(name="env")
def _env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Return the environment of a machine that can't download, and has no plugin yet."""
    monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home of the user"))
    for name in ("PLUGINS", "OFFICIAL_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads, "SERVER", "http://127.0.0.1:1/closed/")
    return {"PATH": os.pathsep.join([str(tmp_path / "bin"), "/usr/bin", "/bin"])}


@pytest.fixture(name="built")
def _built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Return the clones in which the plugin was built."""
    clones: list[Path] = []

    def build(clone: Path) -> Path:
        clones.append(clone)
        return executable(tmp_path / "cache" / "pulumi-resource-kubernetes")

    monkeypatch.setattr(kubernetes, "ensure_plugin", build)
    monkeypatch.setattr(kubernetes, "ensure_both", lambda clone: (None, build(clone)))
    return clones


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\x7fELF")
    path.chmod(0o755)
    return path


def test_a_plugin_on_path_is_taken_and_none_is_built(
    env: Environment, built: list[Path], tmp_path: Path
) -> None:
    official = executable(tmp_path / "bin" / "pulumi-resource-kubernetes")

    plugin = kubernetes_plugin.ensure(tmp_path, env, local=True)

    assert plugin.resolve() == official.resolve()
    assert built == []


def test_a_folder_of_official_plugins_may_be_without_it(
    env: Environment, built: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in plugins.NAMES:
        executable(tmp_path / "official" / f"pulumi-resource-{name}")
    monkeypatch.setenv("OFFICIAL_PLUGINS", str(tmp_path / "official"))

    kubernetes_plugin.ensure(tmp_path, env, local=True)

    assert built == [tmp_path]


@pytest.mark.parametrize("local", [True, False])
def test_without_a_download_it_is_built_once_for_the_engine_of_the_stack(
    env: Environment, built: list[Path], tmp_path: Path, *, local: bool
) -> None:
    plugin = kubernetes_plugin.ensure(tmp_path, env, local=local)
    kubernetes_plugin.ensure(tmp_path, env, local=local)

    home = plugins.home(tmp_path) if local else tmp_path / "home of the user"
    folder = f"resource-kubernetes-v{plugins.version(KUBERNETES)}"
    assert plugin == home / "plugins" / folder / "pulumi-resource-kubernetes"
    assert os.access(plugin, os.X_OK)
    assert built == [tmp_path]


def test_a_stack_on_a_server_gets_no_plugin_for_kubernetes(
    env: Environment, built: list[Path], tmp_path: Path
) -> None:
    plugins.install(tmp_path, env)

    assert built == []
    assert not any(tmp_path.rglob("pulumi-resource-kubernetes"))
