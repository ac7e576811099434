"""The watch after the switch: a release that fails soon gives way to the release before it.

The former container stays warm for `watch_seconds`. So going back is a change of the route, between
two packets, and the health gate before the switch can be short.
"""

import dataclasses
import time
from collections.abc import Callable

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


class Watch:
    """Watches the live release while the release before it stands by."""

    def __init__(self, host: ServiceHost) -> None:
        self._host = host

    def finish(self, live: Record, *, is_awaited: Callable[[], bool], fresh: bool) -> Record:
        """Watch `live` to the end; return the record of the release that is live then.

        `is_awaited`: another run waits for the release lock, and ends the watch of a healthy
        release. Without `fresh` a former run left the watch, perhaps at a reboot: the container
        may still have to start.
        """
        standby, container = self._standby(live)
        if standby is None or container is None:
            return self._close(live)
        problem = self._problem(live, container, is_awaited=is_awaited, fresh=fresh)
        if problem is None:
            return self._close(live)
        # the standby may have ended meanwhile
        standby, container = self._standby(live)
        if standby is None:
            self._host.progress.show(f"Release {live.number} fails, but nothing stands by.")
            return self._close(live)
        return self._go_back(live, standby, problem)

    def _problem(
        self, live: Record, container: Container, *, is_awaited: Callable[[], bool], fresh: bool
    ) -> str | None:
        """Return the reason why the live release fails; None once the watch is over."""
        candidate = Candidate(self._host, live)
        if not fresh and not is_awaited():
            try:
                candidate.wait_until_healthy()
            except ReleaseError as error:
                return reason(error)
            container = self._container(live) or container
        with self._host.progress.step(f"Watch it while release {live.standby} stands by"):
            return watch(
                live.desired.health,
                probe=candidate.probe,
                ended=lambda: self._ended(live, container),
                is_awaited=is_awaited,
            )

    def _standby(self, live: Record) -> tuple[Record | None, Container | None]:
        """Return the record and the running container of the release that stands by."""
        record = self._host.records.get(live.standby)
        containers = self._host.docker.containers(self._host.service)
        standby = containers.get(live.standby)
        if record is None or standby is None or not standby.running:
            return None, None
        return record, containers.get(live.number)

    def _container(self, record: Record) -> Container | None:
        return self._host.docker.containers(self._host.service).get(record.number)

    def _ended(self, live: Record, container: Container) -> str | None:
        """Describe the end of the container that the watch began with; None while it runs."""
        if not container.restarts and not self._host.docker.has_ended(container):
            return None
        now = self._container(live)
        if now is None:
            return f"{live.container} was removed"
        if now.running:
            return f"{live.container} ended, and Docker started it again"
        return f"{live.container} ended with exit code {now.exit_code}"

    def _go_back(self, live: Record, standby: Record, problem: str) -> Record:
        """Lead the requests to the standby first; then record the failure of the live release."""
        host = self._host
        with host.progress.step(f"Go back to release {standby.number}: {problem}"):
            host.routes.route_to(standby, host.slot)
            host.proxy.serve(standby.desired, host.slot)
        note = f"release {standby.number} took over again: {problem}"
        host.records.save(dataclasses.replace(live, outcome="failed", note=note))
        host.progress.show(f"Release {live.number} failed, and release {standby.number} is live.")
        Candidate(host, live).show_last_lines()
        return standby

    def _close(self, live: Record) -> Record:
        live = dataclasses.replace(live, standby=0)
        self._host.records.save(live)
        return live


def watch(
    health: Health,
    *,
    probe: Callable[[], str | None],
    ended: Callable[[], str | None],
    is_awaited: Callable[[], bool],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str | None:
    """Watch for `watch_seconds`; return the problem of a release that fails, else None.

    `probe` and `ended` return a problem or None. A watch ends early if another run awaits it, but
    never between the first failed probe and the decision.
    """
    end = now() + health.watch_seconds
    failures = 0
    while True:
        if problem := ended():
            return problem
        problem = probe()
        failures = failures + 1 if problem else 0
        if failures == _FAILURES:
            return f"{health.path} failed {failures} times in a row; last answer: {problem}"
        if not failures and (now() >= end or is_awaited()):
            return None
        sleep(max(health.interval_seconds, _SHORTEST_PAUSE))
