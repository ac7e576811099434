"""The host in the view of a service: the parts that a release changes, and their state."""

import functools
from dataclasses import dataclass

from . import drift
from .containers import Docker
from .network import Slot
from .progress import Progress
from .proxy import Proxy
from .records import Record, Records
from .routes import Routes


@dataclass(frozen=True, kw_only=True)
class ServiceHost:
    """Docker, proxy, routes and records of a service.

    The route, a file, is the only truth about the live release. Its record may be unreadable.
    """

    service: str
    docker: Docker
    proxy: Proxy
    routes: Routes
    records: Records
    progress: Progress

    @functools.cached_property
    def slot(self) -> Slot:
        """Return the service's addresses; only a first release reserves any."""
        return self.records.slot()

    def live(self) -> Record | None:
        """Return the record of the live release, if the record is readable."""
        number = self.routes.live(self.service)
        return self.records.get(number) if number else None

    def drift(self, live: Record | None) -> list[str]:
        """List the differences between the host and the record of its live release.

        `live` is None without a readable record; a release may be live all the same.
        """
        if live:
            return drift.differences(
                live, self.slot, docker=self.docker, proxy=self.proxy, routes=self.routes
            )
        number = self.routes.live(self.service)
        if number is None:
            return []
        reason = self.records.unreadable().get(number, "it is gone")
        return [f"the record of the live release {number} can't be read: {reason}"]

    def unfinished(self, live: Record | None) -> list[str]:
        """List the work that a run left behind after the switch to the live release.

        The caller knows that no run is under way: it holds the release lock, or asked for its
        holder.
        """
        if live is None:
            return []
        watch = f"the watch of release {live.number} was interrupted"
        left = f"release {live.number} serves, but its run could not finish: {live.unfinished}"
        return [*([watch] if live.standby else []), *([left] if live.unfinished else [])]

    def went_back(self) -> Record | None:
        """Return the newest release if it failed in its watch and gave way to the live release."""
        newest = next(iter(self.records.all()), None)
        live = self.routes.live(self.service)
        is_back = newest and newest.outcome == "failed" and newest.standby == live
        return newest if is_back else None

    def skipped(self) -> list[str]:
        """List the unreadable records, without the live release's: `drift` has that."""
        live = self.routes.live(self.service)
        return [
            f"the record of release {number} can't be read: {reason}"
            for number, reason in self.records.unreadable().items()
            if number != live
        ]
