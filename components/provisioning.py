"""The commands that prepare a booted VM for releases, in their order."""

from collections.abc import Callable

import pulumi
from pulumi_command import remote
from pulumi_oci import core

from components import commands, release_tool


def provision(
    name: str,
    parent: pulumi.Resource,
    *,
    connection: remote.ConnectionArgs,
    instance: core.Instance,
    attachment: core.VolumeAttachment,
    data_volume_in_gbs: int,
    reboot_window: str,
    history: pulumi.Output[str] | None,
    access: str,
    on_change: Callable[[], None],
) -> pulumi.Output[str]:
    """Prepare the VM: Docker, the release tool, the proxy, upgrades, SSH access, the data volume.

    Return the OCIDs of its disks, boot volume and data volume, once everything is on them. Each
    command names the boot volume, as a new disk is empty: of a new VM, or of the same VM with a new
    image. The last command names the data volume and its size as well.

    `history` is the place of the releases' history, which a new VM takes up: components/backup.py.
    `access` lists the keys that may log in: components/access.py.
    `on_change` is called after each command that ran; an update without a change runs none.
    """
    hook = pulumi.ResourceHook(f"{name}-provisioned", lambda _: on_change())
    hooks = pulumi.ResourceHookBinding(after_create=[hook], after_update=[hook])
    boot_volume = instance.boot_volume_id
    host = remote.Command(
        f"{name}-provision",
        connection=connection,
        create=boot_volume.apply(lambda boot: commands.provision(boot_volume_id=boot)),
        stdin=(commands.HOST_FILES / "provision.sh").read_text(),
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(parent=parent, hooks=hooks),
    )
    tool = remote.Command(
        f"{name}-release-tool",
        connection=connection,
        create=boot_volume.apply(
            lambda boot: commands.install_release_tool(
                boot_volume_id=boot,
                caddy=release_tool.caddy_hashes(),
                reboot_window=reboot_window,
            )
        ),
        stdin=release_tool.archive(),
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[host], hooks=hooks),
    )
    remote.Command(
        f"{name}-access",
        connection=connection,
        create=boot_volume.apply(lambda boot: commands.put_access_in_force(boot_volume_id=boot)),
        stdin=access,
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[tool]),
    )
    # a new attachment needs a new mount, even of the same volume
    disks = pulumi.Output.all(boot_volume, attachment.volume_id, attachment.id)
    data = remote.Command(
        f"{name}-data-volume",
        connection=connection,
        create=disks.apply(
            lambda ocids: commands.prepare_data_volume(
                disks=ocids, gbs=data_volume_in_gbs, has_history=history is not None
            )
        ),
        stdin=history,
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[tool], hooks=hooks),
    )
    return pulumi.Output.all(boot_volume, attachment.volume_id, data.id).apply(
        lambda known: f"{known[0]} {known[1]}"
    )
