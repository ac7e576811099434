import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import backup as continuous
from host.auth_release import copies, restore
from host.auth_release.backup import Backup
from localcloud.ocids import REGION
from localcloud.state.account import Account
from localcloud.state.customer_key import BUCKET, PREFIX, CustomerKey
from localcloud.state.home import Home
from tests.localcloud.caller import Caller
from tests.localcloud.copying import LITESTREAM, Systemd
from tests.localcloud.machine import Keys, Machine, Network
from tests.localcloud.served import REPOSITORY, served
from tests.testbed.order import longest_first

LONGEST_FIRST = (
    *("test_clusters.py", "test_data_volume.py", "test_machines.py", "test_restart.py"),
    "test_commands.py",
    *("test_contract.py", "test_stored_resources.py", "test_growth.py", "test_failed_build.py"),
    *("test_standin_docker.py", "test_provider.py", "test_standin_command.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST_FIRST)


@pytest.fixture(scope="session")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Yield a cloud whose server runs, for all that needs no machine."""
    home = Home.open(tmp_path_factory.mktemp("api") / "home")
    with served(home):
        yield Caller(home, Account.open(home))


@pytest.fixture
def vcn(caller: Caller) -> Any:
    return caller.vcn()


def localcloud(*arguments: str) -> str:
    """Run a command of the emulated cloud and return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        timeout=900,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Yield a whole cloud, with machines: the image is built if this computer does not have it."""
    folder = tmp_path_factory.mktemp("cloud") / "home"
    try:
        localcloud("start", "--home", str(folder))
        home = Home.open(folder)
        yield Caller(home, Account.open(home))
    finally:
        localcloud("stop", "--home", str(folder))


@pytest.fixture(scope="session")
def network(cloud: Caller) -> Network:
    return Network.create(cloud)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def machine(network: Network, keys: Keys) -> Machine:
    with network.caller.control() as http:
        # no test of this machine has to wait for the process that holds apt's locks at first
        calm = {"kind": "aptBusy", "seconds": 0.1, "times": 1}
        http.post("/faults", json=calm).raise_for_status()
    launched = Machine(network, keys, hostname="auth")
    launched.wait_until("RUNNING")
    return launched


@pytest.fixture(scope="session")
def address(machine: Machine) -> str:
    """Return the machine's reserved public address, with sshd answering at it."""
    reserved = machine.reserve_address()
    machine.wait_for_ssh(reserved.ip_address)
    return str(reserved.ip_address)


@pytest.fixture(name="backup")
def _backup(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Backup:
    data = tmp_path / "data"
    (data / "auth").mkdir(parents=True)
    for module, name, value in (
        (continuous, "DATA", data),
        (continuous, "SETTINGS", tmp_path / "etc"),
        (continuous, "RUN", tmp_path),
        (continuous, "PROGRAM", LITESTREAM),
        (copies, "STATE", tmp_path / "state"),
    ):
        monkeypatch.setattr(module, name, value)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)  # Litestream trusts the system's
    key = CustomerKey.open(caller.home)
    return Backup(
        service="auth",
        uid=os.getuid(),
        database="auth.sqlite",
        counted=("accounts",),
        program="/opt/venv/bin/litestream.gz",
        version="0",
        disk="disk",
        endpoint=f"{caller.home.endpoint}{PREFIX}",
        region=REGION,
        bucket=BUCKET,
        prefix=f"{request.node.name}/auth",
        access_key=key.access_key,
        secret_key=key.secret,
    )


@pytest.fixture(name="systemd")
def _systemd(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    systemd = Systemd(backup)
    for module in (continuous, restore):
        monkeypatch.setattr(module, "run", systemd.run)
        monkeypatch.setattr(module, "succeeds", systemd.succeeds)
    # the tool reads the settings that `configure` wrote
    monkeypatch.setattr(Backup, "of", lambda _: backup)
    yield systemd
    systemd.kill()
