"""The commands that make a booted VM ready for releases, in their order."""

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
) -> pulumi.Output[str]:
    """Make the VM ready; give the disks that hold what was done, known once all of it is.

    Every command names the boot volume: a new one has nothing on it, be it a new VM's or a new
    image's in the old VM. The last one names the data volume and its size, too.
    """
    boot_volume = instance.boot_volume_id
    host = remote.Command(
        f"{name}-provision",
        connection=connection,
        create=boot_volume.apply(lambda boot: commands.provision(boot_volume_id=boot)),
        stdin=(commands.HOST_FILES / "provision.sh").read_text(),
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    tool = remote.Command(
        f"{name}-release-tool",
        connection=connection,
        create=boot_volume.apply(lambda boot: commands.install_release_tool(boot_volume_id=boot)),
        stdin=release_tool.archive(),
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[host]),
    )
    # an attachment that was made anew needs the mount again, be it of the same volume
    disks = pulumi.Output.all(boot_volume, attachment.volume_id, attachment.id)
    data = remote.Command(
        f"{name}-data-volume",
        connection=connection,
        create=disks.apply(
            lambda ocids: commands.prepare_data_volume(disks=ocids, gbs=data_volume_in_gbs)
        ),
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[tool]),
    )
    return pulumi.Output.all(boot_volume, attachment.volume_id, data.id).apply(
        lambda known: f"{known[0]} {known[1]}"
    )
