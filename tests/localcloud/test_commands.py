"""The commands' refusals. Every other test relies on their success."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import clients
from localcloud.state.home import API_PORT, Home
from tests.localcloud.caller import Caller
from tests.localcloud.conftest import localcloud
from tests.localcloud.served import REPOSITORY


def refusal(*arguments: str, path: str | None = None) -> str:
    """Run a command that must fail, with `path` as PATH, and return its message."""
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": path or os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.parametrize("command", ["status", "describe", "restart"])
def test_a_cloud_that_was_never_started_is_not_made_by_asking(folder: Path, command: str) -> None:
    assert "python -m localcloud start" in refusal(command, "--home", str(folder))
    assert not folder.exists()


def test_stopping_what_is_not_there_succeeds(folder: Path) -> None:
    localcloud("stop", "--home", str(folder))
    assert not folder.exists()


def test_a_folder_with_other_files_is_not_taken_as_a_home(folder: Path) -> None:
    folder.mkdir()
    (folder / "letter").touch()
    assert "other files" in refusal("start", "--home", str(folder))
    localcloud("stop", "--home", str(folder))
    assert (folder / "letter").exists()


def test_a_copied_home_is_refused(folder: Path, tmp_path: Path) -> None:
    original = Home.open(folder)
    copy = shutil.copytree(folder, tmp_path / "copy")
    text = refusal("start", "--home", str(copy))
    assert "copied or moved" in text
    assert original.label in text


def test_a_damaged_home_file_is_named(folder: Path) -> None:
    Home.open(folder)
    (folder / "home.json").write_text("{")
    assert f"{folder / 'home.json'} is not a home file" in refusal("status", "--home", str(folder))


def test_a_home_is_closed_to_other_users(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    Home.open(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_missing_docker_client_is_named(folder: Path, tmp_path: Path) -> None:
    text = refusal("start", "--home", str(folder), path=str(tmp_path))
    assert "apt install docker.io" in text


def test_a_home_avoids_a_network_that_is_in_use(folder: Path) -> None:
    first = Home.open(folder)
    shutil.rmtree(folder)
    with socket.create_server((str(first.address), API_PORT)):
        assert Home.open(folder).network != first.network


def test_a_taken_port_is_named(folder: Path) -> None:
    home = Home.open(folder)
    with socket.create_server((str(home.address), API_PORT)):
        text = refusal("restart", "--home", str(folder))
    assert f"Port {API_PORT} at {home.address} is taken" in text


def test_a_foreign_process_under_the_noted_number_is_left_alone(folder: Path) -> None:
    home = Home.open(folder)
    sleeper = ["sleep", "60"]
    with subprocess.Popen(sleeper) as innocent:
        noted = {"pid": innocent.pid, "started": 1, "boot": "another"}
        (home.path / "server.pid").write_text(json.dumps(noted))
        refusal("status", "--home", str(folder))
        localcloud("stop", "--home", str(folder))
        assert innocent.poll() is None
        innocent.kill()


def test_what_describe_prints_is_enough_to_call(cloud: Caller) -> None:
    description = json.loads(localcloud("describe", "--home", str(cloud.home.path)))
    assert Path(description["private_key_file"]).stat().st_mode & 0o777 == 0o600
    for file in ("password_file", "pull_password_file"):
        assert Path(description["registry"][file]).stat().st_mode & 0o777 == 0o600
    client, _, endpoint = description["client_host_overrides"].partition(";")[0].partition("=")
    assert (client, endpoint) == (clients.names()[0], description["endpoint"])
    assert len(description["client_host_overrides"].split(";")) == len(clients.names())
    assert description["shape"] in {
        shape.shape for shape in cloud.compute.list_shapes(description["compartment_ocid"]).data
    }


def test_starting_twice_is_starting_once(cloud: Caller, capfd: pytest.CaptureFixture[str]) -> None:
    before = localcloud("status", "--json", "--home", str(cloud.home.path))
    localcloud("start", "--home", str(cloud.home.path))
    steps = capfd.readouterr().err
    assert "Check the emulated Oracle Cloud at" in steps
    assert "Start" not in steps, "it runs already"
    after = localcloud("status", "--json", "--home", str(cloud.home.path))
    assert json.loads(after)["pid"] == json.loads(before)["pid"]
