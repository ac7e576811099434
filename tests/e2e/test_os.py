"""Security updates of the VM's operating system, and the reboots for them."""

import shlex
from collections.abc import Iterator

import pytest

from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server

FOLDER = "/opt/security-archive"
# An archive of security updates on the VM itself, with the Docker of the machine under a later
# version: its own maintainer scripts run, and no network is needed.
ARCHIVE = f"""
set -eu
. /etc/os-release
case $ID in
  ubuntu) label=Ubuntu suite=$VERSION_CODENAME-security codename=$VERSION_CODENAME ;;
  debian) label=Debian-Security suite=stable-security codename=$VERSION_CODENAME-security ;;
esac
mkdir -p {FOLDER}
cd {FOLDER}
dpkg-deb --raw-extract /var/cache/apt/archives/docker.io_*.deb tree
sed -i "s/^Version: .*/&+security$(date +%s)/" tree/DEBIAN/control
dpkg-deb -Znone --root-owner-group --build tree docker.io.deb > /dev/null
rm -r tree
{{
  dpkg-deb --field docker.io.deb
  echo "Filename: ./docker.io.deb"
  echo "Size: $(stat --format=%s docker.io.deb)"
  echo "SHA256: $(sha256sum docker.io.deb | cut -d ' ' -f 1)"
}} > Packages
cat > Release <<RELEASE
Origin: ${{ID^}}
Label: $label
Suite: $suite
Codename: $codename
Version: $VERSION_ID
Date: $(date -Ru)
SHA256:
 $(sha256sum Packages | cut -d ' ' -f 1) $(stat --format=%s Packages) Packages
RELEASE
mv /etc/apt /etc/apt.kept
cp -r /etc/apt.kept /etc/apt
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:{FOLDER} ./" > /etc/apt/sources.list
"""
UNDO = (
    f"if [ -d /etc/apt.kept ]; then rm -rf /etc/apt; mv /etc/apt.kept /etc/apt; fi; rm -rf {FOLDER}"
)

# as a package of the kernel does
REQUIRE = "touch /run/reboot-required; echo linux-image > /run/reboot-required.pkgs"


def as_root(server: Server, script: str) -> str:
    return server.must("sudo", "bash", "-c", shlex.quote(script))


def docker_version(server: Server) -> str:
    return server.must("dpkg-query", "--show", "--showformat='${Version}'", "docker.io").strip()


def booted(server: Server) -> str:
    return server.must("systemctl", "show", "--property=UserspaceTimestamp", "--value")


@pytest.fixture(scope="module", name="archive")
def _archive(server: Server) -> Iterator[None]:
    """Give the VM an archive with a security update of Docker, and no other archive."""
    try:
        as_root(server, ARCHIVE)
        yield
    finally:
        as_root(server, UNDO)


@pytest.fixture(name="at_rest")
def _at_rest_afterwards(server: Server) -> Iterator[None]:
    """Ask for no reboot afterwards, and let none come by itself."""
    yield
    as_root(server, "rm -f /run/reboot-required*")
    server.must(*TOOL, "os", "configure")


@pytest.mark.usefixtures("archive", "load")
def test_the_nightly_upgrade_of_docker_loses_no_request(clone: Clone, server: Server) -> None:
    former, boot = docker_version(server), booted(server)
    as_root(server, "apt-get -qq update")
    assert "OS       1 security update waits\n" in clone.make("status").output

    as_root(server, "systemctl start apt-daily-upgrade.service")

    latter = docker_version(server)
    assert latter.startswith(former.partition("+security")[0] + "+security")
    assert latter != former
    assert booted(server) == boot, "the VM rebooted"
    status = clone.make("status").output
    assert "is live and runs" in status
    assert "OS       no security update waits\n" in status
    assert f"upgraded docker.io {latter} at " in clone.make("history").output


@pytest.mark.usefixtures("at_rest")
def test_the_vm_reboots_in_its_window_alone_and_not_without_a_need(
    clone: Clone, server: Server
) -> None:
    boot = booted(server)
    server.must(*TOOL, "os", "configure", "--reboot-window", shlex.quote("Sun 03:00-05:00 UTC"))

    as_root(server, "systemctl start auth-reboot.service")

    assert booted(server) == boot, "no update needs a reboot"
    timer = server.must("systemctl", "show", "--property=TimersCalendar", "auth-reboot.timer")
    assert "OnCalendar=Sun *-*-* 03:00:00 UTC" in timer
    as_root(server, REQUIRE)
    assert "; a reboot waits for Sun 03:00-05:00 UTC\n" in clone.make("status").output


@pytest.mark.usefixtures("archive", "at_rest")
def test_an_upgrade_by_hand_reboots_only_if_an_update_needs_it(
    clone: Clone, server: Server
) -> None:
    boot = booted(server)
    unneeded = clone.make("os-upgrade", "REBOOT=1")
    as_root(server, REQUIRE)
    unwanted = clone.make("os-upgrade")

    assert unneeded.status == 0, unneeded.output
    assert "A reboot is needed. At once: make os-upgrade REBOOT=1" in unwanted.output
    assert booted(server) == boot

    rebooted = clone.make("os-upgrade", "REBOOT=1")

    assert rebooted.status == 0, rebooted.output
    assert "The server rebooted, and answers again after" in rebooted.output
    assert booted(server) != boot
    assert server.status()["problem"] is None
    assert "rebooted for linux-image" in clone.make("history").output
