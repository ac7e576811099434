"""The operations of instances. `instance` has launch and update, this module the actions."""

from collections.abc import Sequence
from dataclasses import replace

from localcloud.api import errors
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    creates,
    deletes,
    describe,
    lists,
    reads,
    updates,
)
from localcloud.cloud import Cloud
from localcloud.service import ResourceType
from localcloud.services.core import instance as instances
from localcloud.services.core import instance_lifecycle
from localcloud.services.core.filters import IN_DOMAIN
from localcloud.services.core.instance import Instance
from localcloud.services.work_requests import moves, tracked

# By action: the state before, the state meanwhile, and the state after, which `instance_lifecycle`
# brings about.
_ACTIONS = {
    "START": ("STOPPED", "STARTING", "RUNNING"),
    "STOP": ("RUNNING", "STOPPING", "STOPPED"),
    "SOFTSTOP": ("RUNNING", "STOPPING", "STOPPED"),
    "RESET": ("RUNNING", "STOPPING", "RUNNING"),
    "SOFTRESET": ("RUNNING", "STOPPING", "RUNNING"),
}


def _act(cloud: Cloud, instance: Instance, action: str) -> Instance:
    if action not in _ACTIONS:
        raise errors.invalid_parameter(
            f"Instance action '{action}' is unknown or not modelled; modelled: "
            f"{', '.join(_ACTIONS)}."
        )
    before, meanwhile, after = _ACTIONS[action]
    if instance.lifecycle_state != before:
        raise errors.incorrect_state(
            f"Action {action} needs an instance in state {before}, but {instance.id} is "
            f"{instance.lifecycle_state}."
        )
    return cloud.store.put(instance.changed(lifecycle_state=meanwhile, heading_for=after))


def _mark_terminating(cloud: Cloud, instance: Instance) -> None:
    instances.refuse_if_over(instance)
    cloud.store.put(instance.changed(lifecycle_state="TERMINATING", heading_for="TERMINATED"))


def _own(call: Call) -> Sequence[Instance]:
    """Return the tenancy's instances: the control plane of a cluster is Oracle's."""
    return [
        each
        for each in call.cloud.store.find(Instance)
        if each.cluster_id is None or each.node_pool_id
    ]


def _instance_action(call: Call) -> Reply:
    with call.cloud.store.transaction():
        instance = call.cloud.store.get(Instance, call.target)
        changed = _act(call.cloud, instance, call.query.get("action", ""))
    return describe(changed)


_terminate = deletes("TerminateInstance", "/instances/{instanceId}", Instance, _mark_terminating)


def _terminate_instance(call: Call) -> Reply:
    if call.query.get("preserveBootVolume", "false") != "false":
        raise errors.not_implemented("keeping the boot volume of a terminated instance")
    return _terminate.answer(call)


RESOURCE_TYPE = ResourceType(
    resource=Instance,
    operations=(
        tracked(
            creates(
                "LaunchInstance",
                "/instances",
                Instance,
                instances.LaunchInstanceDetails,
                instances.launch,
            ),
            Instance,
            "CREATED",
        ),
        lists(
            "ListInstances",
            "/instances",
            Instance,
            (*IN_DOMAIN, "displayName", "lifecycleState"),
            find=_own,
        ),
        reads("GetInstance", "/instances/{instanceId}", Instance),
        tracked(
            updates(
                "UpdateInstance",
                "/instances/{instanceId}",
                Instance,
                instances.UpdateInstanceDetails,
                instances.update,
            ),
            Instance,
            "UPDATED",
        ),
        moves("ChangeInstanceCompartment", "/instances/{instanceId}", Instance, instances.move),
        Operation(
            name="InstanceAction",
            method="POST",
            path="/instances/{instanceId}",
            answer=_instance_action,
            queries=frozenset({"action"}),
        ),
        replace(
            _terminate,
            answer=_terminate_instance,
            queries=frozenset({"preserveBootVolume", "preserveDataVolumesCreatedAtLaunch"}),
        ),
    ),
    steps=instance_lifecycle.STEPS,
    recover=instance_lifecycle.recover,
    limits="""
        - An instance is a real machine of this computer's own architecture.
        - Terminated instances and volumes stay visible as TERMINATED, their attachments as
          DETACHED.
        - A change of shape, size or fault domain reboots a running instance. The machine's
          limits of CPU and memory follow, as far as this computer goes; `nproc` and `free` in
          it go on showing the computer's.
        - A machine finds its metadata at http://169.254.169.254/opc/v2/ (and v1, unless that is
          disabled) and a resolver at 169.254.169.254:53. At 169.254.0.2 and 169.254.2.2 port
          3260 takes connections, in the place of iSCSI.
        - A change of an instance's image is refused.
    """,
)
