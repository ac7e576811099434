"""The local stack takes official plugins or stand-ins; a real tenancy official plugins alone."""

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common.progress import StepError
from toolchain import archives, downloads, plugins

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


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    return tmp_path / "a clone's folder"


def in_cache(home: Path, name: str, version: str = "") -> Path:
    """Return where Pulumi's plugin cache has a plugin."""
    folder = home / "plugins" / f"resource-{name}-v{version or plugins.version(name)}"
    return folder / f"pulumi-resource-{name}"


def executable(path: Path, text: str = "\x7fELF") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def all_in(folder: Path) -> Path:
    for name in plugins.NAMES:
        executable(folder / f"pulumi-resource-{name}")
    return folder


Downloads = Callable[[Path, str], None]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(name="downloading")
def _downloading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Downloads]:
    """Let the downloads answer a clone from now on; `pulumi plugin install` is a script."""
    folder = tmp_path / "server"
    folder.mkdir()

    def downloading(clone: Path, script: str) -> None:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        monkeypatch.setattr(downloads, "SERVER", url)
        monkeypatch.setenv("no_proxy", "*")
        pins = ""
        for name in plugins.NAMES:
            archive = archives.plugin(name, plugins.version(name))
            file = folder / archive.url.removeprefix(url)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
            pins += f"{hashlib.sha256(name.encode()).hexdigest()}  {archive.name}\n"
        (clone / archives.CHECKSUMS).parent.mkdir(parents=True, exist_ok=True)
        (clone / archives.CHECKSUMS).write_text(pins)
        (tmp_path / "cache").mkdir(exist_ok=True)
        executable(tmp_path / "bin" / "pulumi", f"#!/bin/sh\n{script}\n")

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield downloading
        server.shutdown()


INSTALLING = (
    'folder="$PULUMI_HOME/plugins/resource-$4-v$5"; mkdir -p "$folder"; '
    'cp /bin/true "$folder/pulumi-resource-$4"'
)


def test_without_downloads_the_local_stacks_own_cache_holds_stand_ins(
    env: Environment, clone: Path
) -> None:
    assert set(plugins.install(clone, env).values()) == {"standin"}

    for name in plugins.NAMES:
        assert os.access(in_cache(plugins.home(clone), name), os.X_OK), name


def test_the_launcher_of_an_earlier_release_is_no_official_plugin(
    env: Environment, clone: Path
) -> None:
    plugins.install(clone, env)
    text = "#!/bin/sh\nexec /a/clone/.venv/bin/python -m standins oci\n"
    executable(in_cache(plugins.home(clone), "oci"), text)

    assert plugins.installed(clone)["oci"] == "standin"


def test_no_stand_in_is_where_another_stack_looks(
    env: Environment, clone: Path, tmp_path: Path
) -> None:
    plugins.install(clone, env)

    launchers = [path for path in tmp_path.rglob("pulumi-resource-*") if path.is_file()]
    assert launchers
    assert {path for path in launchers if not path.is_relative_to(plugins.home(clone))} == set()


def test_a_stand_in_does_not_start_without_the_emulated_cloud(
    env: Environment, clone: Path
) -> None:
    plugins.install(clone, env)

    started = subprocess.run(
        [in_cache(plugins.home(clone), "oci"), "127.0.0.1:1"],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert started.returncode == 1
    assert "emulated cloud alone" in started.stderr


def test_a_plugin_in_the_users_cache_replaces_its_stand_in_and_no_other(
    env: Environment, clone: Path, tmp_path: Path
) -> None:
    plugins.install(clone, env)
    official = executable(in_cache(tmp_path / "home of the user", "docker"))

    kinds = plugins.install(clone, env)

    assert kinds == {"oci": "standin", "docker": "official", "command": "standin"}
    assert in_cache(plugins.home(clone), "docker").resolve() == official.resolve()


def test_another_version_in_the_users_cache_does_not_count(
    env: Environment, clone: Path, tmp_path: Path
) -> None:
    executable(in_cache(tmp_path / "home of the user", "docker", "0.0.1"))

    assert plugins.install(clone, env)["docker"] == "standin"


def test_a_plugin_that_is_still_being_installed_does_not_count(
    env: Environment, clone: Path, tmp_path: Path
) -> None:
    official = executable(in_cache(tmp_path / "home of the user", "docker"))
    official.parent.with_name(f"{official.parent.name}.partial").touch()

    assert plugins.install(clone, env)["docker"] == "standin"


def test_an_official_plugin_on_path_is_used(env: Environment, clone: Path, tmp_path: Path) -> None:
    official = executable(tmp_path / "bin" / "pulumi-resource-command")

    assert plugins.install(clone, env)["command"] == "official"
    assert in_cache(plugins.home(clone), "command").resolve() == official.resolve()


def test_a_stand_in_on_path_is_not_taken_for_the_official_plugin(
    env: Environment, clone: Path
) -> None:
    plugins.install(clone, env)
    folder = in_cache(plugins.home(clone), "oci").parent
    env["PATH"] = f"{folder}{os.pathsep}{env['PATH']}"

    assert plugins.install(clone, env)["oci"] == "standin"


def test_plugins_are_taken_from_the_folder_that_is_named(
    env: Environment, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = all_in(tmp_path / "official")
    executable(in_cache(tmp_path / "home of the user", "oci"))
    monkeypatch.setenv("OFFICIAL_PLUGINS", str(folder))

    assert set(plugins.install(clone, env).values()) == {"official"}
    linked = in_cache(plugins.home(clone), "oci").resolve()
    assert linked == (folder / "pulumi-resource-oci").resolve()


def test_a_named_folder_without_one_of_the_plugins_is_refused(
    env: Environment, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = all_in(tmp_path / "official")
    (folder / "pulumi-resource-docker").unlink()
    monkeypatch.setenv("OFFICIAL_PLUGINS", str(folder))

    with pytest.raises(
        StepError, match=r"OFFICIAL_PLUGINS is .* no executable pulumi-resource-docker"
    ):
        plugins.install(clone, env)


def test_an_official_plugin_stays_in_a_shell_that_leads_to_the_local_stack(
    env: Environment, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(in_cache(tmp_path / "home of the user", "docker"))
    plugins.install(clone, env)
    monkeypatch.setenv("PULUMI_HOME", str(plugins.home(clone)))
    monkeypatch.setenv("HOME", str(tmp_path / "nothing"))

    assert plugins.install(clone, env)["docker"] == "official"


def test_a_plugin_that_can_be_downloaded_goes_to_the_users_cache(
    env: Environment, clone: Path, downloading: Downloads, tmp_path: Path
) -> None:
    downloading(clone, INSTALLING)

    assert set(plugins.install(clone, env).values()) == {"official"}
    assert in_cache(tmp_path / "home of the user", "oci").exists()


def test_stand_ins_can_be_forced(
    env: Environment, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in plugins.NAMES:
        executable(in_cache(tmp_path / "home of the user", name))
    monkeypatch.setenv("PLUGINS", "standin")

    assert set(plugins.install(clone, env).values()) == {"standin"}


def test_a_forced_official_plugin_that_can_not_be_had_is_an_error(
    env: Environment, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUGINS", "official")

    with pytest.raises(StepError, match=r"official oci plugin .* OFFICIAL_PLUGINS=DIR"):
        plugins.install(clone, env)


def test_official_plugins_that_were_downloaded_are_found_one_by_one(
    env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugins.asked_for(env) is None, "nobody asks for them"
    home = tmp_path / "home of the user"
    cached = {name: executable(in_cache(home, name)) for name in plugins.NAMES}
    monkeypatch.setenv("PLUGINS", "official")
    assert plugins.asked_for(env) == cached

    cached["docker"].unlink()
    with pytest.raises(StepError, match=r"official docker plugin .* `make tools`"):
        plugins.asked_for(env)


def test_plugins_of_a_named_folder_are_asked_for(
    env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = all_in(tmp_path / "official")
    monkeypatch.setenv("OFFICIAL_PLUGINS", str(folder))

    chosen = plugins.asked_for(env)
    assert chosen is not None
    assert {path.parent for path in chosen.values()} == {folder.resolve()}


def test_the_kind_of_an_installed_plugin_is_known(
    env: Environment, clone: Path, tmp_path: Path
) -> None:
    executable(in_cache(tmp_path / "home of the user", "docker"))

    chosen = plugins.install(clone, env)

    assert plugins.installed(clone) == chosen
    assert chosen["docker"] == "official"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PLUGINS": "stand-in"}, "'stand-in'"),
        ({"PLUGINS": "standin", "OFFICIAL_PLUGINS": "/opt/plugins"}, "Unset either"),
    ],
)
def test_a_choice_that_can_not_be_meant_is_refused(
    env: Environment,
    clone: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    message: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(StepError, match=message):
        plugins.install(clone, env)


Case = Callable[[Environment, Path, pytest.MonkeyPatch], None]


def nothing(env: Environment, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine as it is: nothing installed, no downloads."""


def stand_ins_of_the_local_stack(
    env: Environment, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    plugins.install(clone, env)


def stand_ins_on_path(env: Environment, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    plugins.install(clone, env)
    env["PATH"] = f"{in_cache(plugins.home(clone), 'oci').parent}{os.pathsep}{env['PATH']}"


def stand_ins_forced(env: Environment, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del env, clone
    monkeypatch.setenv("PLUGINS", "standin")


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        (nothing, r"official oci plugin .* OFFICIAL_PLUGINS=DIR"),
        (stand_ins_of_the_local_stack, r"official oci plugin .* no stand-in takes its place"),
        (stand_ins_on_path, r"PATH leads to our stand-in .* Open a new shell"),
        (stand_ins_forced, r"PLUGINS is 'standin'"),
    ],
)
def test_a_real_tenancy_never_gets_a_stand_in(
    env: Environment, clone: Path, monkeypatch: pytest.MonkeyPatch, machine: Case, message: str
) -> None:
    machine(env, clone, monkeypatch)

    with pytest.raises(StepError, match=message):
        plugins.require(clone, env, "dev")


def test_a_real_tenancy_asks_the_downloads_although_they_failed_just_now(
    env: Environment, clone: Path, downloading: Downloads, tmp_path: Path
) -> None:
    plugins.install(clone, env)  # which remembers the failure
    downloading(clone, INSTALLING)

    plugins.require(clone, env, "dev")

    assert in_cache(tmp_path / "home of the user", "command").exists()


def test_a_download_that_fails_on_a_real_tenancy_is_an_error(
    env: Environment, clone: Path, downloading: Downloads
) -> None:
    downloading(clone, "echo no such version; exit 1")

    with pytest.raises(StepError, match="its download failed"):
        plugins.require(clone, env, "dev")


def test_tools_are_complete_only_with_every_official_plugin_where_that_is_asked_for(
    env: Environment, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins.fetch(clone, env)
    monkeypatch.setenv("PLUGINS", "official")

    with pytest.raises(StepError, match="official oci plugin"):
        plugins.fetch(clone, env)

    monkeypatch.setenv("OFFICIAL_PLUGINS", str(all_in(tmp_path / "official")))
    plugins.fetch(clone, env)
