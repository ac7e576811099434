"""Drift: the differences between the host and a release's record, in words for people."""

import time

from . import data_volume, health
from .containers import Container, Docker
from .desired import Desired
from .network import Slot
from .proxy import Proxy
from .records import Record
from .routes import Routes

# Docker restarts a container whenever it ends; so many times is no accident.
_RESTARTS = 3
_TRIES, _PAUSE_SECONDS = 4, 1.0


def differences(
    live: Record, slot: Slot, *, docker: Docker, proxy: Proxy, routes: Routes
) -> list[str]:
    """List changes by hand and failures since the release; empty if it runs unchanged."""
    differences = (
        data_volume.problem(),
        *_of_container(live, docker),
        proxy.difference(live.desired, slot),
        routes.difference(live, slot),
    )
    return [difference for difference in differences if difference]


def _of_container(live: Record, docker: Docker) -> list[str]:
    container = docker.containers(live.desired.service).get(live.number)
    if container is None:
        return [f"the container {live.container} is gone"]
    if container.restarts >= _RESTARTS:
        return [f"{live.container} was started again {container.restarts} times"]
    if not container.running:
        return [f"{live.container} does not run (exit code {container.exit_code})"]
    if container.image != live.desired.image:
        return [f"{live.container} runs the image {container.image}"]
    changed = _variables(container, live.desired, docker.image_environment(container.image))
    differences = [f"{live.container} has another value of {', '.join(changed)}"] if changed else []
    if container.address != live.address:
        address = container.address or "of no network"
        differences.append(f"{live.container} has the address {address}")
    if container.memory != live.desired.limits.memory_bytes:
        differences.append(f"{live.container} may use {container.memory >> 20} MiB of memory")
    if data_volume.is_another(container.process):
        differences.append(f"{live.container} still uses the data volume that was mounted before")
    if container.fingerprint != live.fingerprint and not differences:
        differences.append(f"{live.container} was made by somebody else")
    if problem := silence(live):
        differences.append(f"{live.container} hangs: {live.desired.health.path}: {problem}")
    return differences


def silence(live: Record) -> str | None:
    """Return the problem of a live release that gives no answer; else None.

    A container that starts listens soon: so a refused connection is tried again.
    """
    for attempt in range(_TRIES):
        problem = health.of_release(live)
        if problem is None or health.is_answer(problem):
            return None
        if health.is_late(problem):
            break
        if attempt < _TRIES - 1:
            time.sleep(_PAUSE_SECONDS)
    return problem


def _variables(container: Container, desired: Desired, of_image: dict[str, str]) -> list[str]:
    """List the names of environment variables with another value than the release's."""
    wanted = {**of_image, **desired.variables}
    names = {*wanted, *container.environment}
    return sorted(name for name in names if wanted.get(name) != container.environment.get(name))
