"""Steps of host/provision.sh on a real machine."""

import shlex

import pytest

from tests.localcloud.machine import Machine
from tests.localcloud.served import REPOSITORY

SCRIPT = (REPOSITORY / "host" / "provision.sh").read_text()
_HOLD = """
import fcntl, sys, time
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    time.sleep(4)
"""


def sourced(machine: Machine, address: str, commands: str) -> str:
    """Run bash as root, which knows the script's functions."""
    line = f"source /dev/stdin; {commands}"
    return machine.ssh(address, f"sudo bash -c {shlex.quote(line)}", stdin=SCRIPT)


@pytest.mark.parametrize(
    ("lock", "command"),
    [
        ("/var/lib/dpkg/lock-frontend", "dpkg --configure -a"),
        # of no source, so that nothing is downloaded
        (
            "/var/lib/apt/lists/lock",
            "apt-get -qq -o Dir::Etc::sourceparts=- -o Dir::Etc::sourcelist=/dev/null update",
        ),
    ],
)
def test_a_lock_of_the_package_manager_is_waited_for(
    machine: Machine, address: str, lock: str, command: str
) -> None:
    holding = shlex.join(["python3", "-c", _HOLD, lock])
    output = sourced(
        machine,
        address,
        f"systemd-run --quiet {holding}; sleep 1; "
        f"{command} || echo refused; with_apt_locks {command} && echo done",
    )

    assert "refused" in output, "the lock was not in the way"
    assert "Wait for python3 (process " in output
    assert f"which holds {lock}" in output
    assert "done" in output
