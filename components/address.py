"""The VM's reserved public address, which outlives the VM, and the checks before its first use.

It is assigned to the primary private address of the VM's primary VNIC.
"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_oci import core
from pulumi_oci.core import outputs

from components import advice, banner, host_key
from components.labels import display_name


def reserved_address(
    name: str,
    parent: pulumi.Resource,
    *,
    compartment_id: str,
    subnet_id: pulumi.Input[str],
    instance: core.Instance,
    protect: bool,
) -> core.PublicIp:
    """Reserve a public address, and assign it to the VM."""
    return core.PublicIp(
        f"{name}-address",
        compartment_id=compartment_id,
        lifetime="RESERVED",
        display_name=display_name(name),
        private_ip_id=primary_private_ip(
            parent, compartment_id=compartment_id, subnet_id=subnet_id, instance=instance
        ),
        opts=pulumi.ResourceOptions(parent=parent, protect=protect),
    )


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
        lambda known: pick_private_ip(
            known[0],
            vnics=known[1],
            addresses=known[2],
            before_changes=pulumi.runtime.is_dry_run(),
        )
    )


def attached_vnics(
    attachments: Sequence[outputs.GetVnicAttachmentsVnicAttachmentResult],
) -> list[str]:
    """List the VNICs that the VM has now; Oracle lists a terminated VM's for a while, detached."""
    return [attached.vnic_id for attached in attachments if attached.state == "ATTACHED"]


def primary_addresses(
    addresses: Sequence[outputs.GetPrivateIpsPrivateIpResult],
) -> dict[str, str]:
    """Return the OCID of each VNIC's primary private address, by the VNIC's OCID."""
    return {address.vnic_id: address.id for address in addresses if address.is_primary}


def pick_private_ip(
    instance_id: str, *, vnics: Sequence[str], addresses: Mapping[str, str], before_changes: bool
) -> str:
    """Return the OCID of an address on a VNIC of the VM.

    Raise RunError if no VNIC has an address: the VM is lost then. Before a change of compartment
    the VNICs are still listed in the old compartment, so a preview is content with an address.
    """
    for vnic in vnics:
        if vnic in addresses:
            return addresses[vnic]
    if before_changes and not vnics and addresses:
        return next(iter(addresses.values()))
    refresh = advice.make("up REFRESH=1", pulumi.get_stack())
    raise pulumi.RunError(
        f"The VM {instance_id} has no VNIC any more: it was terminated outside of Pulumi. "
        f"`{refresh}` (`pulumi up --refresh`) reads the cloud's state and creates a new VM; "
        "the address and the data volume stay, if they still exist."
    )


def assigned_address(public_ip: core.PublicIp, *, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return the address, once the cloud confirms that it is assigned.

    It may have been unassigned by hand since the last update, and a connection to it would then
    time out after minutes. An update stops here; a preview warns. A refresh does not help: the
    provider keeps the old assignment in the state when Oracle reports an empty value.
    """
    current = core.get_public_ip_output(id=public_ip.id, opts=pulumi.InvokeOptions(parent=parent))
    return pulumi.Output.all(
        public_ip_id=public_ip.id,
        # in a preview that replaces the VM it is unknown, and would make the address unknown too
        private_ip_id="OCID" if pulumi.runtime.is_dry_run() else public_ip.private_ip_id,
        ip_address=public_ip.ip_address,
        assigned_to=current.assigned_entity_id,
    ).apply(check_assignment)


def check_assignment(address: dict[str, str | None]) -> str:
    """Return the IP address; raise RunError in an update if it is not assigned."""
    ip_address = str(address["ip_address"])
    if address["assigned_to"]:
        return ip_address
    problem = (
        f"The VM's reserved address {ip_address} is attached to nothing, so no server answers "
        "there. Attach it again, in Oracle's console or by "
        f"`oci network public-ip update --public-ip-id {address['public_ip_id']} "
        f"--private-ip-id {address['private_ip_id']}`; then: "
        f"{advice.make('up', pulumi.get_stack())}"
    )
    if not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(problem)
    pulumi.log.warn(problem)
    return ip_address


def with_pinned_host_key(
    host: pulumi.Output[str], instance: core.Instance, *, pinned: str
) -> pulumi.Output[str]:
    """Return the address, unless a server with another host key answers there."""

    async def check(known: dict[str, str]) -> str:
        try:
            await host_key.check(known["host"], pinned, pulumi.get_stack())
        except host_key.HostKeyError as error:
            raise pulumi.RunError(str(error)) from None
        return known["host"]

    # Before the VM exists there is no host key to check, and the address may still be another VM's.
    return pulumi.Output.all(host=host, vm=instance.id).apply(check)


def with_ssh_server(host: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return the address, once an SSH server answers there; a preview does not wait.

    The official command plugin limits the time to connect, but not the wait for the banner.
    """

    async def wait(ip_address: str) -> str:
        if not pulumi.runtime.is_dry_run():
            try:
                await banner.wait(ip_address)
            except banner.SilentError as error:
                raise pulumi.RunError(str(error)) from None
        return ip_address

    return host.apply(wait)
