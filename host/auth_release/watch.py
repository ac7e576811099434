"""The watch after the switch: a release that fails soon gives way to the release before it.

The former container stays warm for `watch_seconds`. So going back is a change of the route, between
two packets, and the health gate before the switch can be short.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from .candidate import Candidate
from .containers import Container
from .desired import Health
from .errors import ReleaseError
from .failures import reason
from .records import Record
from .service_host import ServiceHost

# A service under load may miss a single probe; as many in a row are a failure.
_FAILURES = 3
_SHORTEST_PAUSE = 0.05  # seconds
_ENDED = "its container ended"


@dataclass(frozen=True, kw_only=True)
class Containers:
    """The containers of the live release and of the release that stands by, as they ran."""

    live: Container
    standby: Container


class Watch:
    """Watches the live release while the release before it stands by."""

    def __init__(self, host: ServiceHost) -> None:
        self._host = host

    def finish(
        self, live: Record, *, is_awaited: Callable[[], bool], containers: Containers | None = None
    ) -> Record:
        """Watch `live` to the end, unless it has no watch; return the record of the live release.

        `is_awaited`: another run waits for the release lock, and ends the watch of a healthy
        release. `containers` are known after a switch. Without them a former run left the watch,
        perhaps at a reboot: the container may still have to start.
        """
        if not live.standby:
            return live
        standby = self._host.records.get(live.standby)
        problem = None
        if not containers:
            problem = self._problem_of_start(live, is_awaited=is_awaited)
            containers = self._containers(live)
        if standby is None or containers is None:
            return self._close(live)
        problem = problem or self._watch(live, containers, is_awaited=is_awaited)
        if problem is None:
            return self._close(live)
        if self._host.docker.has_ended(containers.standby):
            self._host.progress.show(f"Release {live.number} fails, but nothing stands by.")
            return self._close(live)
        return self._go_back(live, standby, problem, containers.live)

    def _problem_of_start(self, live: Record, *, is_awaited: Callable[[], bool]) -> str | None:
        """Wait until a container that Docker started again is healthy; return its problem."""
        container = self._host.docker.containers(self._host.service).get(live.number)
        if container and container.restarts:
            return _ENDED
        if not is_awaited():
            try:
                Candidate(self._host, live).wait_until_healthy()
            except ReleaseError as error:
                return reason(error)
        return None

    def _watch(
        self, live: Record, containers: Containers, *, is_awaited: Callable[[], bool]
    ) -> str | None:
        with self._host.progress.step(f"Watch it while release {live.standby} stands by"):
            return watch(
                live.desired.health,
                probe=Candidate(self._host, live).probe,
                has_ended=lambda: self._host.docker.has_ended(containers.live),
                is_awaited=is_awaited,
            )

    def _containers(self, live: Record) -> Containers | None:
        """Ask Docker for both containers; None if no container stands by."""
        containers = self._host.docker.containers(self._host.service)
        new, standby = containers.get(live.number), containers.get(live.standby)
        if new is None or standby is None or not standby.running:
            return None
        return Containers(live=new, standby=standby)

    def _go_back(self, live: Record, standby: Record, problem: str, container: Container) -> Record:
        """Lead the requests to the standby first; then record the failure of the live release."""
        host = self._host
        with host.progress.step(f"Go back to release {standby.number}, as {problem}"):
            host.routes.route_to(standby, host.slot)
            host.proxy.serve(standby.desired, host.slot)
        end = None
        # failed probes may be the first sign of an end
        if problem == _ENDED or host.docker.ends_soon(container):
            problem, end = self._end_of(live)
        note = f"release {standby.number} took over again, as {problem}"
        host.records.save(dataclasses.replace(live, outcome="failed", note=note))
        host.progress.show(f"Release {live.number} failed, and release {standby.number} is live.")
        Candidate(host, live).show_last_lines(until=end)
        return standby

    def _end_of(self, live: Record) -> tuple[str, float | None]:
        """Describe the end of the live release's container, and return its time if it is known.

        Docker may have started the container again meanwhile.
        """
        docker = self._host.docker
        container = docker.containers(self._host.service).get(live.number)
        if container is None:
            return f"{live.container} was removed", None
        end = docker.last_end(live.container)
        if end is None and container.running:
            return f"{live.container} ended, and Docker started it again", None
        code = end.exit_code if end else container.exit_code
        at = end.at if end else None
        last_line = next(iter(docker.logs(live.container, 1, until=at)), "")
        quoted = f"; its last line: {last_line}" if last_line else ""
        return f"{live.container} ended with exit code {code}{quoted}", at

    def _close(self, live: Record) -> Record:
        live = dataclasses.replace(live, standby=0)
        self._host.records.save(live)
        return live


def watch(
    health: Health,
    *,
    probe: Callable[[], str | None],
    has_ended: Callable[[], bool],
    is_awaited: Callable[[], bool],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str | None:
    """Watch for `watch_seconds`; return the problem of a release that fails, else None.

    `probe` returns a problem or None, and `has_ended` is about the container. A watch ends early if
    another run awaits it, but never between the first failed probe and the decision.
    """
    end = now() + health.watch_seconds
    failures = 0
    while True:
        if has_ended():
            return _ENDED
        problem = probe()
        failures = failures + 1 if problem else 0
        if failures == _FAILURES:
            return f"{health.path} failed {failures} times in a row; last answer: {problem}"
        if not failures and (now() >= end or is_awaited()):
            return None
        sleep(max(health.interval_seconds, _SHORTEST_PAUSE))
