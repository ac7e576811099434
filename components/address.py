"""The VM's address that outlives it: a reserved public one on its primary private one.

Before anything dials it, the cloud is asked whether it leads anywhere.
"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_oci import core
from pulumi_oci.core import outputs

from components import advice, banner, host_key


def primary_private_ip(
    parent: pulumi.Resource,
    *,
    compartment_id: str,
    subnet_id: pulumi.Input[str],
    instance: core.Instance,
) -> pulumi.Output[str]:
    """Look up the OCID of the primary private address of the VM's primary VNIC."""
    options = pulumi.InvokeOptions(parent=parent)
    vnics = core.get_vnic_attachments_output(
        compartment_id=compartment_id, instance_id=instance.id, opts=options
    ).vnic_attachments.apply(attached_vnics)
    # the provider's private address of a VM is that of its primary VNIC
    addresses = core.get_private_ips_output(
        subnet_id=subnet_id, ip_address=instance.private_ip, opts=options
    ).private_ips.apply(primary_addresses)
    return pulumi.Output.all(instance.id, vnics, addresses).apply(
        lambda known: pick_private_ip(known[0], vnics=known[1], addresses=known[2])
    )


def attached_vnics(
    attachments: Sequence[outputs.GetVnicAttachmentsVnicAttachmentResult],
) -> list[str]:
    """List the VNICs that a VM has; those of one that was terminated stay for a while, detached."""
    return [attached.vnic_id for attached in attachments if attached.state == "ATTACHED"]


def primary_addresses(found: Sequence[outputs.GetPrivateIpsPrivateIpResult]) -> dict[str, str]:
    """Give the OCIDs of those private addresses that are their VNIC's primary one, by VNIC."""
    return {address.vnic_id: address.id for address in found if address.is_primary}


def pick_private_ip(instance_id: str, *, vnics: Sequence[str], addresses: Mapping[str, str]) -> str:
    """Take the address on a VNIC of the VM; raise RunError if it has none, for it is lost then."""
    for vnic in vnics:
        if vnic in addresses:
            return addresses[vnic]
    refresh = advice.make("up REFRESH=1", pulumi.get_stack())
    raise pulumi.RunError(
        f"The VM {instance_id} has no VNIC any more: somebody terminated it outside of Pulumi. "
        f"`{refresh}` (`pulumi up --refresh`) asks Oracle what is left and makes a new VM; "
        "its address and its data volume stay, if they are still there."
    )


def leading_somewhere(address: core.PublicIp, *, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return the address once the cloud says that it is attached to something.

    Somebody may have taken it off the VM since the state was written, and whoever dials it then
    waits for minutes. An update stops here; a preview warns. A refresh does not help: the provider
    keeps the old assignment where Oracle answers that there is none.
    """
    seen = core.get_public_ip_output(id=address.id, opts=pulumi.InvokeOptions(parent=parent))
    return pulumi.Output.all(
        public_ip_id=address.id,
        # of a VM that is to be replaced unknown to a preview, which then would not know the address
        private_ip_id="OCID" if pulumi.runtime.is_dry_run() else address.private_ip_id,
        ip_address=address.ip_address,
        entity=seen.assigned_entity_id,
    ).apply(checked)


def checked(seen: dict[str, str | None]) -> str:
    """Return the address; `entity` is what it is assigned to."""
    ip_address = str(seen["ip_address"])
    if seen["entity"]:
        return ip_address
    problem = (
        f"The VM's reserved address {ip_address} is attached to nothing, so nothing answers there. "
        "Attach it again, in Oracle's console or by `oci network public-ip update --public-ip-id "
        f"{seen['public_ip_id']} --private-ip-id {seen['private_ip_id']}`; then: "
        f"{advice.make('up', pulumi.get_stack())}"
    )
    if not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(problem)
    pulumi.log.warn(problem)
    return ip_address


def of_the_vm(
    host: pulumi.Output[str], instance: core.Instance, *, pinned: str
) -> pulumi.Output[str]:
    """Return the address once nothing shows that another machine answers there."""

    async def checked(known: dict[str, str]) -> str:
        try:
            await host_key.check(known["host"], pinned, pulumi.get_stack())
        except host_key.HostKeyError as error:
            raise pulumi.RunError(str(error)) from None
        return known["host"]

    # of a VM that is still to be made nothing is known, and the address may be another's yet
    return pulumi.Output.all(host=host, vm=instance.id).apply(checked)


def answering(host: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return the address once an SSH server answers there; a preview does not wait for one.

    The official command plugin bounds its dialling, but not its wait for the server's first word.
    """

    async def awaited(ip_address: str) -> str:
        if not pulumi.runtime.is_dry_run():
            try:
                await banner.wait(ip_address)
            except banner.SilentError as error:
                raise pulumi.RunError(str(error)) from None
        return ip_address

    return host.apply(awaited)
