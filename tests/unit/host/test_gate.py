"""The forced command runs the commands of a key's role, and no shell reads them."""

import inspect
import os
from collections.abc import Mapping, Sequence

import pytest

from components import commands
from host.auth_release import gate
from host.auth_release.callers import OPERATOR
from stack import removal, ssh

BOOT = "ocid1.bootvolume.oc1..disk"
LINES = {
    "provision": commands.provision(boot_volume_id=BOOT),
    "install_release_tool": commands.install_release_tool(
        boot_volume_id=BOOT, caddy=["ab12"], reboot_window="Sun 03:00-05:00 UTC"
    ),
    "put_access_in_force": commands.put_access_in_force(boot_volume_id=BOOT),
    "prepare_data_volume": commands.prepare_data_volume(disks=[BOOT], gbs=50, has_history=True),
    "release": commands.release(7, "ann@example.com on laptop"),
    "configure_backup": commands.configure_backup(),
    "configure_metrics": commands.configure_metrics(),
    "make_database_role": commands.make_database_role(),
    "status": commands.status(),
}
NO_LINES = {"line", "as_root", "ssh_command", "connection"}
PROGRAM = (*LINES.values(), " ".join(removal.DATA_IN_USE))
RELEASING = tuple(
    " ".join(ssh.release_tool(*words))
    for words in (("status",), ("history", "--json"), ("rollback", "--to", "3"), ("backups",))
)


class Executed(Exception):  # noqa: N818 - the process ends here
    """The program that takes the place of the process."""


@pytest.fixture(autouse=True)
def _exec(monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(program: str, words: Sequence[str], environment: Mapping[str, str]) -> None:
        raise Executed(program, list(words), environment[OPERATOR])

    monkeypatch.setattr(os, "execvpe", execute)


def executed(role: str, command: str) -> tuple[str, list[str], str] | None:
    """Return the program, its words and the operator's name; None for a refused command."""
    try:
        assert gate.run(role, "ann", {"SSH_ORIGINAL_COMMAND": command}) == 1
    except Executed as program:
        return program.args
    return None


def test_each_command_of_the_program_is_tried_here() -> None:
    own = (each for _, each in inspect.getmembers(commands, inspect.isfunction))
    names = {each.__name__ for each in own if each.__module__ == commands.__name__}

    assert names - NO_LINES == {*LINES}


@pytest.mark.parametrize("command", [*PROGRAM, *RELEASING])
def test_the_key_of_deployments_runs_each_command_of_the_program(command: str) -> None:
    assert executed("deployment", command)


@pytest.mark.parametrize("command", RELEASING)
def test_a_releaser_reads_and_rolls_back(command: str) -> None:
    result = executed("release", command)

    assert result
    assert result[1][:2] == ["sudo", "auth-release"]
    assert result[2] == "ann"


@pytest.mark.parametrize(
    "command",
    [
        *(line for line in PROGRAM if line != commands.status()),
        "sudo auth-release exec auth -- sh",
        "sudo auth-release restore auth --at x",
        "sudo auth-release gate deployment ann",
        "sudo auth-release access",
    ],
)
def test_a_releaser_changes_nothing_else(command: str) -> None:
    assert executed("release", command) is None


@pytest.mark.parametrize("role", ["deployment", "release", "admin", "another"])
@pytest.mark.parametrize(
    "command",
    [
        *("", "bash", "sudo bash", "sudo -u root auth-release status", "sudo timeout 5 sh"),
        *("sudo sh -c id", "sudo bash -s", "sudo bash -c 'id' -- --boot-volume"),
        *("/usr/lib/openssh/sftp-server", "scp -f /etc/shadow", "auth-release 'status"),
        *("sudo /tmp/auth-release status", "bash auth-release status auth"),
        "sudo sh -c id another /usr/local/sbin/auth-release",
    ],
)
def test_neither_a_shell_nor_another_program_runs(role: str, command: str) -> None:
    assert executed(role, command) is None


def test_a_shells_own_words_reach_the_tool_as_its_arguments() -> None:
    result = executed("release", "sudo auth-release status auth; sudo reboot")

    assert result
    assert result[1] == ["sudo", "auth-release", "status", "auth;", "sudo", "reboot"]
