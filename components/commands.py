"""The commands for the server over SSH: argument vectors in, a quoted line out.

The only module whose text reaches a shell. Secrets never pass here; they travel by stdin.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi_command import remote

from components import person

HOST_FILES = Path(__file__).parent.parent / "host"
USER = "ubuntu"  # of the OCI images of Ubuntu; root may not log in
RELEASE_TOOL = "/usr/local/sbin/auth-release"
# Longer than a first boot with its package installation; the provider itself sets no limit.
PROVISION_SECONDS = 1200
TOOL_SECONDS = 600  # with the download and the take-over of a new Caddy
DATA_VOLUME_SECONDS = 900
RELEASE_SECONDS = 900
BACKUP_SECONDS = 300
DATABASE_SECONDS = 900  # with the installation of the client
METRICS_SECONDS = 300  # with the download of the store


def line(*argv: str) -> str:
    """Quote an argument vector for the remote login shell."""
    return shlex.join(argv)


def as_root(*argv: str, seconds: int) -> str:
    """Return the line that runs a command as root, for at most `seconds`.

    The limit is for `up`: without it, a dead connection would make it wait for ever.
    """
    return line("sudo", "--non-interactive", "timeout", str(seconds), *argv)


def provision(*, boot_volume_id: str) -> str:
    """Return the line that runs host/provision.sh, which arrives on stdin.

    It names the boot volume, so that a new boot volume is provisioned again: of a new VM, or of
    the same VM with a new image.
    """
    return as_root(
        *("bash", "-s", "--", "--boot-volume", boot_volume_id), seconds=PROVISION_SECONDS
    )


def put_access_in_force(*, boot_volume_id: str) -> str:
    """Return the line that lets the keys on stdin log in, and no others.

    It names the boot volume, as `provision` does; the tool ignores the name.
    """
    return as_root(RELEASE_TOOL, "access", "--disk", boot_volume_id, seconds=60)


def prepare_data_volume(*, disks: Sequence[str], gbs: int, has_history: bool) -> str:
    """Return the line that mounts the data volume, with a file system of the volume's size in GB.

    `disks` are OCIDs: the line changes with them, so that new disks are mounted again.
    `has_history`: the place of the releases' history arrives on stdin.
    """
    history = ["--history"] if has_history else []
    return as_root(
        *(RELEASE_TOOL, "data-volume", "prepare", "--gbs", str(gbs), *history, "--disks", *disks),
        seconds=DATA_VOLUME_SECONDS,
    )


def install_release_tool(*, boot_volume_id: str, caddy: Sequence[str], reboot_window: str) -> str:
    """Return the line that installs the release tool, which arrives on stdin in base64, and Caddy.

    `caddy` has the SHA-256 of the pinned wheels, so that another release is installed as well. A
    connection that breaks leaves the old tool in place. The supervisor begins anew with the tool.
    `reboot_window` is the time for reboots, such as `Sun 03:00-05:00 UTC`, or empty.
    """
    script = (
        'tool="$1"; window="$2"; shift 2; '
        'base64 --decode > "$tool.new" && chmod 0755 "$tool.new" && '
        '"$tool.new" add-bytecode && mv "$tool.new" "$tool" && "$tool" install-proxy "$@" && '
        '"$tool" supervise --install && "$tool" os configure --reboot-window "$window"'
    )
    return as_root(
        *("sh", "-c", script, f"install on {boot_volume_id}", RELEASE_TOOL, reboot_window, *caddy),
        seconds=TOOL_SECONDS,
    )


def release(number: int | None, by: str = "") -> str:
    """Return the line that releases the desired state, which arrives on stdin.

    `number` is the release's planned number: the tool refuses if another release came in between.
    `by` is the person who is recorded with a new release.
    """
    planned = ["--number", str(number)] if number else []
    return as_root(RELEASE_TOOL, "apply", *planned, *person.flag(by), seconds=RELEASE_SECONDS)


def make_database_role() -> str:
    """Return the line that makes the role in PostgreSQL of the document on stdin."""
    return as_root(RELEASE_TOOL, "make-database-role", seconds=DATABASE_SECONDS)


def configure_backup() -> str:
    """Return the line that puts the settings of the backup in force, which arrive on stdin."""
    return as_root(RELEASE_TOOL, "configure-backup", seconds=BACKUP_SECONDS)


def configure_metrics() -> str:
    """Return the line that puts the settings of reporter and store in force, from stdin."""
    return as_root(RELEASE_TOOL, "configure-metrics", seconds=METRICS_SECONDS)


def status() -> str:
    """Return the line that prints the observed state of each service, in JSON."""
    return as_root(RELEASE_TOOL, "status", "--json", seconds=60)


def ssh_command(host: str, stack: str) -> str:
    """Return the line by which an operator logs in, from the clone.

    It names stack/ssh_config, which fetches the stack's key and pinned host key the first time.
    """
    return line("ssh", "-F", "stack/ssh_config", f"-oHostKeyAlias={stack}", f"{USER}@{host}")


def connection(
    *,
    host: pulumi.Input[str],
    private_key: pulumi.Input[str],
    host_key: str,
) -> remote.ConnectionArgs:
    """Return the connection of the image's user, to a server with the pinned host key alone.

    60 attempts, with pauses that grow from 0.1 to 5 s, take about five minutes: a slow first boot.
    The provider's default gives up after eleven seconds.
    """
    return remote.ConnectionArgs(
        host=host,
        user=USER,
        private_key=private_key,
        host_key=host_key,
        dial_error_limit=60,
        per_dial_timeout=15,
    )
