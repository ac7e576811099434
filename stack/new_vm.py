"""`make new-vm`: another VM in the place of the present VM, with the data and the address.

A change in place can't give the VM another processor or another image: its disk is the former
image's, and the program keeps the image of a VM that exists. So the VM is terminated, and the
update that follows makes one, as after a loss.
"""

import sys

from common.progress import step
from components import advice
from stack import alarms, first_vm, removal
from stack.cloud_client import failures, open_client
from stack.errors import StackError
from stack.stack import Stack

_TERMINATE_SECONDS = 1200
_POLL_SECONDS = 5


def replace(stack: Stack, *, confirmed: str) -> None:
    """Replace the VM after a yes by the stack's name."""
    resources = stack.resources()
    vms = first_vm.vms(resources)
    if not vms:
        raise StackError(
            f"The stack {stack.name} has no VM yet. Make it: {advice.make('up', stack.name)}"
        )
    removal.refuse_protected(stack.name, vms)
    removal.confirm(
        stack.name,
        [f"{line}: its system disk, with the logs" for line in removal.listed(vms)],
        named=confirmed,
        disposable=False,
        plan="The VM of {} is about to be replaced; its address and the data volume stay.",
        command="new-vm",
    )
    with alarms.quiet(stack, "new VM"):
        with step("Terminate the VM"):
            for vm in vms:
                _terminate(stack, str(vm["id"]))
        first_vm.up(stack, resources, refresh=True)


def _terminate(stack: Stack, instance_id: str) -> None:
    import oci  # noqa: PLC0415 - takes most of a second

    compute = open_client(stack, oci.core.ComputeClient, package="oci_core", path="/20160918")
    try:
        compute.terminate_instance(instance_id, preserve_boot_volume=False)
        oci.wait_until(
            compute,
            compute.get_instance(instance_id),
            "lifecycle_state",
            "TERMINATED",
            max_interval_seconds=_POLL_SECONDS,
            max_wait_seconds=_TERMINATE_SECONDS,
            succeed_on_not_found=True,
        )
    except (*failures(), oci.exceptions.MaximumWaitTimeExceeded) as error:
        print(error, file=sys.stderr)
        raise StackError(
            f"The VM {instance_id} is not terminated; the reason is above. If it is gone all the "
            f"same, this makes a new VM: {advice.make('up REFRESH=1', stack.name)}"
        ) from None
