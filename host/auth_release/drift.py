"""How what runs differs from what was released, in words for people."""

from . import data_volume
from .containers import Container, Docker
from .desired import Desired
from .network import Slot
from .proxy import Proxy
from .records import Record
from .routes import Routes

# Docker starts a container that ends again and again; so often is no accident.
_RESTARTS = 3


def differences(
    live: Record, slot: Slot, *, docker: Docker, proxy: Proxy, routes: Routes
) -> list[str]:
    """Name what was changed by hand or broke; empty if the release runs as it was made."""
    around = (proxy.differs(live.desired, slot), routes.differs(live, slot))
    found = (data_volume.problem(), *_of_container(live, docker), *around)
    return [difference for difference in found if difference]


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
    wrong = _variables(container, live.desired, docker.image_environment(container.image))
    found = [f"{live.container} has another value of {', '.join(wrong)}"] if wrong else []
    if container.address != live.address:
        found.append(f"{live.container} has the address {container.address or 'of no network'}")
    if container.memory != live.desired.limits.memory_bytes:
        found.append(f"{live.container} may use {container.memory >> 20} MiB of memory")
    if data_volume.is_another(container.process):
        found.append(f"{live.container} still uses the data volume that was mounted before")
    if container.fingerprint != live.fingerprint and not found:
        found.append(f"{live.container} was made by somebody else")
    return found


def _variables(container: Container, desired: Desired, brought: dict[str, str]) -> list[str]:
    wanted = {**brought, **desired.variables}
    names = {*wanted, *container.environment}
    return sorted(name for name in names if wanted.get(name) != container.environment.get(name))
