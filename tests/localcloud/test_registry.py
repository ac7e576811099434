"""The registry's two logins: the builder's, and the machines' read-only login."""

import shlex

import httpx
import pytest

from localcloud.machines.registry import PULL_USERNAME, USERNAME
from tests.localcloud.caller import Caller
from tests.localcloud.machine import Machine

PASSWORDS = {USERNAME: "password", PULL_USERNAME: "pull-password"}
UPLOAD = "some/image/blobs/uploads/"


def password(cloud: Caller, username: str) -> str:
    return (cloud.home.path / "registry" / PASSWORDS[username]).read_text()


@pytest.mark.parametrize(("username", "status"), [(USERNAME, 202), (PULL_USERNAME, 401)])
def test_the_builder_alone_pushes(cloud: Caller, username: str, status: int) -> None:
    answer = httpx.post(
        f"http://{cloud.home.registry}/v2/{UPLOAD}",
        auth=(username, password(cloud, username)),
        trust_env=False,
    )

    assert answer.status_code == status


@pytest.mark.parametrize("username", PASSWORDS)
def test_from_a_machine_one_reads_and_does_not_push(
    cloud: Caller, machine: Machine, address: str, username: str
) -> None:
    login = f"{username}:{password(cloud, username)}"

    def status(method: str, path: str, *, user: str = login) -> str:
        url = f"http://{cloud.home.registry}/v2/{path}"
        words = ["--user", user, "--request", method, url, "--output", "/dev/null"]
        command = shlex.join(["curl", "--silent", *words, "--write-out", "%{http_code}"])
        return machine.ssh(address, command)

    assert status("GET", "", user=f"{username}:wrong") == "401"
    assert status("GET", "_catalog") == "200"
    assert status("POST", UPLOAD) == "405"
