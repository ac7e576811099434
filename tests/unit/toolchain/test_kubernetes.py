"""The builds of the program of clusters, and of Pulumi's plugin for Kubernetes."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from common import cache
from common.clone import CLONE
from toolchain import golang, kubernetes, plugins


class Builds:
    """Builds that write a file in place of the compiler, and remember Go's cache."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}  # for the linker, by the name of a program
        self.compiled_before: list[set[str]] = []  # names in Go's cache as each build begins

    def build(
        self,
        module: Path,
        package: str,
        binaries: Path,
        *,
        ldflags: str,
        env: Mapping[str, str],
        remedy: str,
    ) -> None:
        assert module.name == "kubernetes"
        assert remedy
        name = package.rpartition("/")[2]
        self.settings[name] = ldflags
        compiled = Path(env["GOCACHE"])
        compiled.mkdir(parents=True, exist_ok=True)
        self.compiled_before.append({path.name for path in compiled.iterdir()})
        (compiled / name).touch()
        (binaries / name).touch()


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    """Return a clone with the module alone, and the requirements."""
    clone = tmp_path / "clone"
    shutil.copytree(CLONE / "toolchain" / "kubernetes", clone / "toolchain" / "kubernetes")
    shutil.copy(CLONE / "requirements.in", clone)
    return clone


@pytest.fixture(name="builds")
def _builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builds:
    """Build in a cache of the test's own, from a module of the plugin with a schema."""
    builds = Builds()
    sources = tmp_path / "provider" / "cmd" / "pulumi-resource-kubernetes"
    sources.mkdir(parents=True)
    for name in ("schema.json", "terraform-mapping.json"):
        (sources / name).write_text(name)

    def nothing(*_: Any) -> None:
        pass

    def directory(*_: str, **__: Any) -> str:
        return str(tmp_path / "provider")

    monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(golang, "check", nothing)
    monkeypatch.setattr(cache, "need_space", nothing)
    monkeypatch.setattr(golang, "build", builds.build)
    monkeypatch.setattr(golang, "output_of", directory)
    return builds


def changed(clone: Path, name: str) -> None:
    file = clone / "toolchain" / "kubernetes" / name
    file.write_text(f"{file.read_text()}\n// changed\n")


def test_a_change_of_its_own_code_builds_the_program_anew(clone: Path, builds: Builds) -> None:
    first = kubernetes.ensure(clone)
    assert first.parent.name.startswith("1.34.")
    assert "version.gitVersion=v1.34." in builds.settings["kubernetes"]

    changed(clone, "main.go")
    assert kubernetes.ensure(clone) != first


def test_the_code_of_the_plugin_builds_the_program_of_clusters_no_second_time(
    clone: Path, builds: Builds
) -> None:
    cluster, plugin = kubernetes.ensure_both(clone)

    changed(clone, "sdk/go/kubernetes/yaml/v2/kinds.go")

    assert kubernetes.ensure(clone) == cluster
    assert kubernetes.ensure_plugin(clone) != plugin
    assert len(builds.compiled_before) == 3


def test_both_programs_compile_their_common_packages_once(clone: Path, builds: Builds) -> None:
    kubernetes.ensure_both(clone)

    assert builds.compiled_before == [set(), {"kubernetes"}]


def test_no_compiled_packages_stay_on_the_disk(clone: Path, builds: Builds, tmp_path: Path) -> None:
    kubernetes.ensure_both(clone)

    assert builds.compiled_before
    assert not (tmp_path / "cache" / "go-kubernetes").exists()


def test_the_plugin_has_its_schema_beside_it_and_the_version_of_its_sdk(
    clone: Path, builds: Builds
) -> None:
    plugin = kubernetes.ensure_plugin(clone)

    assert plugin.with_name("schema.json").read_text() == "schema.json"
    assert plugin.with_name("terraform-mapping.json").exists()
    version = plugins.version("kubernetes")
    assert f"pkg/version.Version={version}" in builds.settings["pulumi-resource-kubernetes"]
