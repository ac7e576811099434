"""The reserved address: before anything dials it, the cloud is asked whether it leads anywhere."""

import pulumi
from pulumi_oci import core


def leading_somewhere(address: core.PublicIp, *, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return the address once the cloud says that it is attached to something.

    Somebody may have taken it off the VM since the state was written, and whoever dials it then
    waits for minutes. An update stops here; a preview warns, since it may show the very repair.
    """
    seen = core.get_public_ip_output(id=address.id, opts=pulumi.InvokeOptions(parent=parent))
    return pulumi.Output.all(
        ip_address=address.ip_address, entity=seen.assigned_entity_id, state=seen.state
    ).apply(_checked)


def _checked(seen: dict[str, str | None]) -> str:
    ip_address = str(seen["ip_address"])
    if problem := why_it_leads_nowhere(ip_address, seen["entity"], seen["state"]):
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(problem)
        pulumi.log.warn(problem)
    return ip_address


def why_it_leads_nowhere(ip_address: str, entity: str | None, state: str | None) -> str:
    """Return "" or what is wrong and the way out; `entity` is what the address is assigned to."""
    if entity:
        return ""
    return (
        f"The VM's reserved address {ip_address} is attached to nothing (the cloud calls it "
        f"{state}), so nothing answers there. Attach it again: make up REFRESH=1"
    )
