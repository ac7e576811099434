import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from localcloud import server
from localcloud.machines.docker import inspect
from localcloud.state.account import Account
from localcloud.state.home import Home
from tests.localcloud.caller import Caller, refused
from tests.localcloud.conftest import localcloud
from tests.localcloud.served import REPOSITORY, serve_command, served


def test_a_killed_server_comes_back_with_what_it_answered(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    with served(home) as process:
        caller = Caller(home, Account.open(home))
        vcn = caller.vcn()
        subnet = caller.subnet(vcn)
        process.kill()
        process.wait(timeout=10)
    again = Home.open(tmp_path / "home")
    with served(again):
        caller = Caller(again, Account.open(again))
        read = caller.network.get_subnet(subnet.id).data
        assert (read.cidr_block, read.lifecycle_state) == (subnet.cidr_block, "AVAILABLE")
        refused(409, "Conflict", caller.network.delete_vcn, vcn.id)


def test_what_a_deleted_folder_left_in_docker_is_in_nobodys_way(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    localcloud("start", "--home", str(folder))
    try:
        deleted = Home.open(folder)
        server.stop(deleted)
        left = inspect(f"{deleted.prefix}registry")
        shutil.rmtree(folder)

        localcloud("start", "--home", str(folder))

        registry = json.loads(localcloud("describe", "--home", str(folder)))["registry"]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://{registry['server']}/v2/", timeout=5)
        now = inspect(f"{deleted.prefix}registry")
        assert left is not None
        assert now is not None
        assert now["Id"] != left["Id"]
    finally:
        localcloud("stop", "--home", str(folder))


def test_a_cloud_that_runs_asks_docker_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each start of Docker's client costs 50 ms of every `make up`."""
    folder, asked = tmp_path / "home", tmp_path / "asked"
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\necho "$1" >> {asked}\nexec {shutil.which("docker")} "$@"\n')
    client.chmod(0o755)
    localcloud("start", "--home", str(folder))
    monkeypatch.setenv("PATH", str(client.parent), prepend=os.pathsep)
    try:
        localcloud("start", "--home", str(folder))
        assert asked.read_text().splitlines() == ["inspect"]
    finally:
        localcloud("stop", "--home", str(folder))


def test_a_second_server_of_one_home_is_refused(caller: Caller) -> None:
    second = subprocess.run(
        serve_command(caller.home),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert server.status(caller.home) is not None


_START = """
import sys
from localcloud import code, server
from localcloud.state.home import Home
if "newer" in sys.argv:
    code.digest = lambda: "of newer code"
print(server.start(Home.open(sys.argv[1])))
"""


def test_a_server_with_older_code_is_restarted_by_the_next_start(tmp_path: Path) -> None:
    """After a `git pull` that adds an operation, an older server would refuse it."""
    home = Home.open(tmp_path / "home")

    def start(*newer: str) -> str:
        command = [sys.executable, "-c", _START, str(home.path), *newer]
        return subprocess.check_output(command, cwd=REPOSITORY, text=True, timeout=60).strip()

    with served(home) as older:
        vcn = Caller(home, Account.open(home)).vcn()
        assert start() == "False"
        assert older.poll() is None

        assert start("newer") == "True"
        try:
            older.wait(timeout=10)
            kept = Caller(home, Account.open(home)).network.get_vcn(vcn.id).data
            assert kept.time_created == vcn.time_created
        finally:
            server.stop(home)
