"""The block volume with the service's data, and its attachment to the VM."""

from typing import Any

import pulumi
from pulumi_oci import core

from components import advice, volume_backups
from components.labels import display_name
from host.auth_release import data_volume as on_the_vm

DEVICE = str(on_the_vm.DEVICE)


def attached_volume(
    name: str,
    parent: pulumi.Resource,
    *,
    availability_domain: pulumi.Input[str],
    compartment_id: str,
    size_in_gbs: int,
    has_backups: bool,
    instance: core.Instance,
) -> core.VolumeAttachment:
    """Create the volume, with Oracle's scheduled backups of it, and attach it to the VM.

    The volume is always protected, so that no run deletes or replaces it by itself.
    """
    volume = core.Volume(
        f"{name}-data",
        availability_domain=availability_domain,
        compartment_id=compartment_id,
        display_name=display_name(f"{name}-data"),
        size_in_gbs=str(size_in_gbs),
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=True,
            # a volume is made where the VM found room, and never moves
            depends_on=[instance],
            ignore_changes=["availabilityDomain"],
            hooks=pulumi.ResourceHookBinding(
                before_update=[
                    pulumi.ResourceHook(
                        f"{name}-data-size",
                        refuse_shrinking,
                        pulumi.ResourceHookOptions(on_dry_run=True),
                    )
                ]
            ),
        ),
    )
    if has_backups:
        volume_backups.scheduled_backups(name, parent, compartment_id=compartment_id, volume=volume)
    return core.VolumeAttachment(
        f"{name}-data-attachment",
        attachment_type="paravirtualized",
        instance_id=instance.id,
        volume_id=volume.id,
        device=DEVICE,
        is_pv_encryption_in_transit_enabled=True,
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
    )


def refuse_shrinking(change: pulumi.ResourceHookArgs) -> None:
    """Raise ValueError for a smaller volume, which Oracle can't make; in a preview as well."""
    old, new = (_gbs(inputs) for inputs in (change.old_inputs, change.new_inputs))
    if new < old:
        raise ValueError(
            f"auth:dataVolumeInGbs is {new}, but the data volume has {old} GB, and Oracle's "
            f"volumes only grow. Set it to {old} or more: "
            + advice.of_stack(f"pulumi config set auth:dataVolumeInGbs {old}", pulumi.get_stack())
        )


def _gbs(inputs: Any) -> int:
    return int((inputs or {}).get("sizeInGbs") or 0)
