"""The work that the cloud does by itself: it brings resources out of their passing states.

A state such as PROVISIONING is a promise in the store. `advance` finds the promises on which nobody
works. A restarted API server calls it too, and so goes on with the work that was cut short.
"""

from functools import partial
from typing import Any, cast

from localcloud.cloud import Cloud
from localcloud.discovery import RESOURCE_TYPES
from localcloud.resources import LifecycleResource
from localcloud.service import ResourceType
from localcloud.services.core import reachability


def resume(cloud: Cloud) -> None:
    """Go on with the work of the last API server: called once, before the first request."""
    with cloud.store.transaction():
        for resource_type in RESOURCE_TYPES:
            _settle(cloud, resource_type)
    for resource_type in RESOURCE_TYPES:
        if resource_type.recover is not None:
            for resource in cloud.store.find(resource_type.resource):
                resource_type.recover(cloud, resource)
    advance(cloud)
    reachability.refresh(cloud)


def advance(cloud: Cloud) -> None:
    """Begin the work on every resource in a passing state on which nobody works yet."""
    for resource_type in RESOURCE_TYPES:
        for resource in _with_steps(cloud, resource_type):
            if resource.lifecycle_state in resource_type.steps:
                cloud.in_background(
                    resource.ocid, partial(_work, cloud, resource_type, resource.ocid)
                )


def _settle(cloud: Cloud, resource_type: ResourceType) -> None:
    settles = getattr(resource_type.resource, "settles", {})
    for resource in cloud.store.find(resource_type.resource) if settles else ():
        resource = cast("LifecycleResource", resource)
        if state := settles.get(resource.lifecycle_state):
            cloud.store.put(resource.changed(lifecycle_state=state))


def _with_steps(cloud: Cloud, resource_type: ResourceType) -> list[LifecycleResource]:
    kind = cast("type[LifecycleResource]", resource_type.resource)
    return cloud.store.find(kind) if resource_type.steps else []


def _work(cloud: Cloud, resource_type: ResourceType, ocid: str) -> None:
    """Take steps until the resource rests; a request may send it elsewhere during a step."""
    while True:
        # an unreadable resource ends the job: the error is in the log
        resource: Any = cloud.store.get(resource_type.resource, ocid)
        step = resource_type.steps.get(resource.lifecycle_state)
        if step is None:
            break
        step(cloud, resource)
    reachability.refresh(cloud)
