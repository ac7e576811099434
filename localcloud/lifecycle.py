"""The work that the cloud does by itself: it brings resources out of their passing states.

A state such as PROVISIONING is a promise in the store. `advance` finds the promises on which nobody
works. A restarted API server calls it too, and so goes on with the work that was cut short.
"""

from collections.abc import Iterator
from functools import partial

from localcloud.cloud import Cloud
from localcloud.discovery import RESOURCE_TYPES
from localcloud.resources import LifecycleResource
from localcloud.service import ResourceType
from localcloud.services.core import reachability
from localcloud.services.load_balancer import lifecycle as balancers
from localcloud.services.psql import lifecycle as databases


def resume(cloud: Cloud) -> None:
    """Go on with the work of the last API server: called once, before the first request."""
    cloud.begin_work = partial(advance, cloud)
    with cloud.store.transaction():
        for _, kind in _with_states():
            for resource in cloud.store.find(kind) if kind.settles else ():
                if state := kind.settles.get(resource.lifecycle_state):
                    cloud.store.put(resource.changed(lifecycle_state=state))
    for resource_type, kind in _with_states():
        if resource_type.recover is not None:
            for resource in cloud.store.find(kind):
                resource_type.recover(cloud, resource)
    advance(cloud)
    refresh(cloud)


def refresh(cloud: Cloud) -> None:
    """Apply the changed rules and addresses to machines, database systems and load balancers."""
    reachability.refresh(cloud)
    databases.refresh(cloud)
    balancers.refresh(cloud)


def advance(cloud: Cloud) -> None:
    """Begin the work on every resource in a passing state on which nobody works yet."""
    for resource_type, kind in _with_states():
        for resource in cloud.store.find(kind) if resource_type.steps else ():
            if resource.lifecycle_state in resource_type.steps:
                job = partial(_work, cloud, resource_type, kind, resource.ocid)
                cloud.in_background(resource.ocid, job)


def _with_states() -> Iterator[tuple[ResourceType, type[LifecycleResource]]]:
    for resource_type in RESOURCE_TYPES:
        if issubclass(resource_type.resource, LifecycleResource):
            yield resource_type, resource_type.resource


def _work(
    cloud: Cloud, resource_type: ResourceType, kind: type[LifecycleResource], ocid: str
) -> None:
    """Take steps until the resource rests; a request may send it elsewhere during a step."""
    while True:
        # an unreadable resource ends the job: the error is in the log
        resource = cloud.store.get(kind, ocid)
        step = resource_type.steps.get(resource.lifecycle_state)
        if step is None:
            break
        step(cloud, resource)
    refresh(cloud)
