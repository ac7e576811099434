"""Functions of host/provision.sh that need no machine."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "host" / "provision.sh"
_HOLD = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
"""


def bash(commands: str, *arguments: object) -> subprocess.Popen[str]:
    """Source the script, then run commands of bash."""
    script = f'source "{SCRIPT}"\n{commands}'
    return subprocess.Popen(
        ["bash", "-c", script, "bash", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold a lock as apt does, in a process of its own, until its stdin ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.communicate(timeout=10)


def test_a_lock_of_apt_is_waited_for_and_its_holder_is_named(tmp_path: Path) -> None:
    locks = [tmp_path / name for name in ("frontend", "lists", "missing")]
    locks[0].touch()
    with held(locks[1]) as holder:
        waiting = bash('APT_LOCKS=("$@"); with_apt_locks echo installed', *locks)
        assert waiting.stderr
        told = waiting.stderr.readline()

    output, _ = waiting.communicate(timeout=10)
    assert f"(process {holder.pid}), which holds {locks[1]};" in told
    assert output == "installed\n"


def test_a_lock_that_stays_ends_provisioning_with_its_holders_name(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held(lock) as holder:
        output, errors = bash(
            'APT_LOCKS=("$1") APT_WAIT_SECONDS=1; with_apt_locks echo installed', lock
        ).communicate(timeout=10)

    assert output == ""
    (stopped,) = (line for line in errors.splitlines() if line.startswith("Provisioning stopped:"))
    assert f"(process {holder.pid}) still holds {lock}" in stopped
    assert f"systemctl status {holder.pid}" in stopped


def test_a_lock_taken_between_the_look_and_the_command_is_waited_for(tmp_path: Path) -> None:
    # in the words of apt 2.7; at the second run the lock is free again
    late = """
    late() {
      [[ ! -e $1 ]] || { echo installed; return; }
      touch "$1"
      echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)" >&2
      return 100
    }
    APT_LOCKS=(); with_apt_locks late "$1"
    """
    output, _ = bash(late, tmp_path / "tried").communicate(timeout=10)

    assert output == "installed\n"


def test_a_failure_of_another_kind_is_shown_and_ends_it() -> None:
    failing = "fails() { echo 'E: Unable to locate package caddy' >&2; return 100; }"
    ended = bash(f"{failing}; APT_LOCKS=(); with_apt_locks fails; echo went on")
    output, errors = ended.communicate(timeout=10)

    assert (ended.returncode, output) == (100, "")
    assert errors == "E: Unable to locate package caddy\n"


# apt on a bare VM; an installation fails until the lists are updated, if there is a file `moved`
_APT = """
cd "$1"
dpkg-query() { return 1; }
dpkg() { :; }
apt-get() {
  echo "$2"
  if [[ $2 == update ]]; then rm -f moved; fi
  if [[ $2 == install && -e moved ]]; then echo 'E: 404 Not Found' >&2; return 100; fi
} >> calls
APT_LOCKS=() APT_STAMP=stamp; install_packages
"""


@pytest.mark.parametrize(
    ("age_in_hours", "is_moved", "calls"),
    [
        (1, False, ["install"]),
        (1, True, ["install", "update", "install"]),
        (25, False, ["update", "install"]),
        (None, False, ["update", "install"]),
    ],
)
def test_the_package_lists_are_updated_only_if_they_are_old_or_do_not_fit_the_archive(
    tmp_path: Path, age_in_hours: int | None, is_moved: bool, calls: list[str]
) -> None:
    if age_in_hours is not None:
        moment = time.time() - age_in_hours * 3600
        (tmp_path / "stamp").touch()
        os.utime(tmp_path / "stamp", (moment, moment))
    if is_moved:
        (tmp_path / "moved").touch()

    installing = bash(_APT, tmp_path)
    _, errors = installing.communicate(timeout=30)

    assert installing.returncode == 0, errors
    assert (tmp_path / "calls").read_text().split() == calls


@pytest.mark.parametrize(("runs_before", "action"), [(False, "start"), (True, "restart")])
def test_docker_is_restarted_only_if_it_ran_with_other_settings(
    runs_before: bool, action: str
) -> None:
    provisioning = bash(
        """
        changed() { cat > /dev/null; }
        docker() { :; }
        systemctl() { if [[ $1 == is-active ]]; then "$RUNS"; else echo "$1"; fi; }
        iptables() { return 1; }
        RUNS=$1
        configure_docker; start_services
        """,
        str(runs_before).lower(),
    )
    output, errors = provisioning.communicate(timeout=30)

    assert output.split() == ["enable", "daemon-reload", "restart", action], errors
