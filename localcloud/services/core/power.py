"""Instance actions and termination: which may begin in which state, and what they lead to."""

from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.services.core import instance as instances
from localcloud.services.core.instance import Instance

# Action: the state it begins in, the state meanwhile, the state that `lifecycle` brings it to.
_ACTIONS = {
    "START": ("STOPPED", "STARTING", "RUNNING"),
    "STOP": ("RUNNING", "STOPPING", "STOPPED"),
    "SOFTSTOP": ("RUNNING", "STOPPING", "STOPPED"),
    "RESET": ("RUNNING", "STOPPING", "RUNNING"),
    "SOFTRESET": ("RUNNING", "STOPPING", "RUNNING"),
}


def act(cloud: Cloud, instance: Instance, action: str) -> Instance:
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


def terminate(cloud: Cloud, instance: Instance) -> None:
    instances.refuse_if_over(instance)
    cloud.store.put(instance.changed(lifecycle_state="TERMINATING", heading_for="TERMINATED"))
