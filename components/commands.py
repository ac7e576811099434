"""What is said to the server over SSH, as data: argument vectors in, one quoted line out.

The only place where text meets a shell. Secrets never pass here; they travel by stdin.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi_command import remote

HOST_FILES = Path(__file__).parent.parent / "host"
USER = "ubuntu"  # of the OCI images of Ubuntu; root may not log in
RELEASE_TOOL = "/usr/local/sbin/auth-release"
# Longer than a first boot with its package installation; the provider has no limit of its own.
PROVISION_SECONDS = 1200
DATA_VOLUME_SECONDS = 900
RELEASE_SECONDS = 900


def line(*argv: str) -> str:
    """Quote an argument vector for the remote login shell."""
    return shlex.join(argv)


def as_root(*argv: str, seconds: int) -> str:
    """Run an argument vector as root, ended after `seconds`: a dead link must not hang `up`."""
    return line("sudo", "--non-interactive", "timeout", str(seconds), *argv)


def provision(*, boot_volume_id: str) -> str:
    """Run host/provision.sh, which arrives on stdin.

    The boot volume is named because a new one, be it by a new VM or by a new image in the old
    VM, needs provisioning again.
    """
    return as_root(
        *("bash", "-s", "--", "--boot-volume", boot_volume_id), seconds=PROVISION_SECONDS
    )


def prepare_data_volume(*, disks: Sequence[str], gbs: int) -> str:
    """Mount the data volume, with a file system of its whole size; `disks` names what is there."""
    return as_root(
        *(RELEASE_TOOL, "data-volume", "prepare", "--gbs", str(gbs), "--disks", *disks),
        seconds=DATA_VOLUME_SECONDS,
    )


def install_release_tool(*, boot_volume_id: str) -> str:
    """Put what arrives on stdin, in base64, in place as the release tool: whole or not at all."""
    script = 'base64 --decode > "$1.new" && chmod 0755 "$1.new" && mv "$1.new" "$1"'
    return as_root("sh", "-c", script, f"install on {boot_volume_id}", RELEASE_TOOL, seconds=60)


def release(number: int | None) -> str:
    """Make the desired state, which arrives on stdin, the running one.

    With the number that it will have: the tool refuses if another release came in between.
    """
    planned = ["--number", str(number)] if number else []
    return as_root(RELEASE_TOOL, "apply", *planned, seconds=RELEASE_SECONDS)


def status() -> str:
    """Ask what is live of each service, in JSON."""
    return as_root(RELEASE_TOOL, "status", "--json", seconds=60)


def ssh_command(host: str, stack: str) -> str:
    """Return the line by which a person logs in, from the clone.

    The configuration that it names leads to the stack's key and pinned host key, and gets them
    the first time: stack/ssh_config.
    """
    return line("ssh", "-F", "stack/ssh_config", f"-oHostKeyAlias={stack}", f"{USER}@{host}")


def connection(
    *,
    host: pulumi.Input[str],
    private_key: pulumi.Input[str],
    host_key: str,
) -> remote.ConnectionArgs:
    """Log in as the image's user, to the pinned host key only.

    60 refused dials, a tenth of a second growing to five apart, are about five minutes: a slow
    first boot. The provider's default gives up after eleven seconds.
    """
    return remote.ConnectionArgs(
        host=host,
        user=USER,
        private_key=private_key,
        host_key=host_key,
        dial_error_limit=60,
        per_dial_timeout=15,
    )
