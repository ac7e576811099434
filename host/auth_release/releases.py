"""A release, from the desired state to its record."""

import contextlib
import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from . import moments, preflight, rollback
from .candidate import Candidate
from .desired import Desired, Registry
from .errors import ReleaseError
from .failures import reason
from .records import Record
from .retirement import Retirement
from .routes import rules
from .service_host import ServiceHost
from .watch import Containers, Watch

if TYPE_CHECKING:
    from .containers import Container


class Releases:
    """Makes releases of a service on this host.

    `turn` lets a few releases of the host's services in at a time. `is_awaited`: another run waits
    for the release lock. `person` is recorded with each release.
    """

    def __init__(
        self,
        host: ServiceHost,
        *,
        turn: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
        is_awaited: Callable[[], bool] = lambda: False,
        person: str = "",
    ) -> None:
        self.host = host
        self._turn, self._is_awaited, self._person = turn, is_awaited, person
        self._retirement, self._watch = Retirement(host), Watch(host)
        self._watched: Containers | None = None  # the containers of this run's own release

    def apply(
        self, desired: Desired, *, by: str, planned: int | None = None, note: str = ""
    ) -> Record:
        """Release the desired state, unless it is live already; return the live release's record.

        `planned` is the number that the caller saw to be the next. Another number means that
        somebody else made a release meanwhile: then nothing is done.
        """
        self.clean_up()
        return self._apply(desired, self.host.live(), by=by, planned=planned, note=note)

    def _apply(
        self,
        desired: Desired,
        live: Record | None,
        *,
        by: str,
        planned: int | None = None,
        note: str,
    ) -> Record:
        if live is None or live.fingerprint == desired.fingerprint:
            differences = [*self.host.unfinished(live), *self.host.drift(live)]
            if live and not differences:
                self.host.progress.show(f"Release {live.number} already runs this.")
                return live
            if differences:
                note = note or f"repair: {'; '.join(differences)}"
                self.host.progress.show(f"Repair, as {'; '.join(differences)}.")
        self._check_plan(planned)
        live = self._make_room(live)
        record = self._release(desired, live, by=by, note=note)
        Candidate(self.host, record).run_hooks("after")
        self.host.progress.show(f"Release {record.number} is live after {record.seconds} s.")
        if record.standby:
            seconds = desired.health.watch_seconds
            self.host.progress.show(
                f"Release {record.standby} stands by for {seconds:g} s, in case it fails."
            )
        return record

    def rollback(self, number: int | None, *, by: str, login: Registry | None = None) -> Record:
        """Run an earlier release again, image and configuration, through the same health gate.

        `login` fetches its image if this host no longer has it: records keep no login.
        """
        self.clean_up()
        live = self._make_room(self.host.live())
        # by the route: the live release's record may be unreadable
        live_number = self.host.routes.live(self.host.service)
        target = rollback.target(
            self.host.records, number, live=live_number, went_back=self.host.went_back()
        )
        desired = rollback.complete(target, live)
        desired.check()
        if login:
            desired = dataclasses.replace(desired, registry=login)
        origin = f" from {live_number}" if live_number else ""
        note = f"rollback{origin} to {target.number}"
        return self._apply(desired, live, by=by, note=note)

    def finish(self) -> None:
        """Watch the live release, drain and stop the other containers, and delete old releases.

        Requests reach the live release already, so nobody has to wait for this. A failure is kept
        in the live release's record, for the status and the next preview.
        """
        live = self.host.live()
        if live is None:
            return
        try:
            live = self._watch.finish(live, is_awaited=self._is_awaited, containers=self._watched)
            self._retirement.retire_all_but(live.number)
            self._retirement.prune(live.desired.keep)
            self.host.proxy.empty_canary_log(self.host.service)
            self._note_unfinished(live, "")
        except Exception as error:  # noqa: BLE001 - the release's own result is known by now
            self.host.progress.show(f"This is left for the next run: {reason(error)}")
            with contextlib.suppress(ReleaseError):  # of a full disk
                self._note_unfinished(live, reason(error))

    def clean_up(self) -> None:
        """Finish or undo a killed run's work on the requests: they reach the live release alone."""
        host = self.host
        host.records.forget_logins()
        number = host.routes.live(host.service)
        for hook in host.docker.hooks(host.service):
            with host.progress.step(f"Remove {hook}, left by an interrupted run"):
                host.docker.stop_and_remove(hook, grace=10)
        unfinished = [r for r in host.records.all() if r.outcome in {"started", "live"}]
        containers = host.docker.containers(host.service)
        live = next((record for record in unfinished if record.number == number), None)
        if live and live.host_port:
            # the proxy's next site dials an address, which must lead to this release as well
            host.routes.put_back(host.service, rules(live, host.slot))
        # a release began, or gives way to the live release
        is_half_done = any(r.outcome == "started" or r.standby == number for r in unfinished)
        if live and live.number in containers and is_half_done:
            # killed before the kernel had the rules, or while a canary had its share
            with host.progress.step(f"Lead all requests to release {live.number}, as was begun"):
                self._take_over(live)
                host.records.save(dataclasses.replace(live, outcome="live"))

    def _make_room(self, live: Record | None) -> Record | None:
        """End a former run's watch, and remove every container except the live release's.

        Returns the record of the live release, which may be the release before `live`.
        """
        if live:
            live = self._watch.finish(live, is_awaited=lambda: True)
        number = live.number if live else self.host.routes.live(self.host.service)
        self._retirement.retire_all_but(number)
        return live

    def _note_unfinished(self, live: Record, reason: str) -> None:
        record = self.host.records.get(live.number)
        if record and record.unfinished != reason:
            self.host.records.save(dataclasses.replace(record, unfinished=reason))

    def _release(self, desired: Desired, live: Record | None, *, by: str, note: str) -> Record:
        """Bring the new release up and switch to it; after a failure the live release serves on."""
        with contextlib.ExitStack() as turn:
            turn.enter_context(self._turn())
            standby = self._standby(desired, live)
            record = self._begin(desired, live, standby, by=by, note=note)
            route = self.host.routes.text(self.host.service)
            candidate = Candidate(self.host, record)
            try:
                candidate.bring_up(live)
                # the rest waits more than it works, so the next service begins beside it
                turn.close()
                candidate.try_out(live)
                with self.host.progress.step("Switch to it"):
                    self._take_over(record)
            except BaseException as error:
                self._give_up(record, live, route, error)
                raise
        if candidate.container and standby:
            self._watched = Containers(live=candidate.container, standby=standby)
        return self._close(record, "live")

    def _check_plan(self, planned: int | None) -> None:
        """Raise ReleaseError if the planned number is not the next."""
        if planned is not None and planned != self.host.records.next_number():
            raise ReleaseError(
                f"release {planned} was planned, but {self._newest()}. "
                "Look at a new preview, then try again."
            )

    def _begin(
        self,
        desired: Desired,
        live: Record | None,
        standby: "Container | None",
        *,
        by: str,
        note: str,
    ) -> Record:
        """Check the host, fetch the image, and record the beginning of a release."""
        host = self.host
        number = host.records.next_number()
        address = self._unused_address(live)
        fetched = host.docker.has_image(desired.image)
        with host.progress.step(f"Check this host{'' if fetched else ' and the registry'}"):
            preflight.check(desired, fetched=fetched)
        if not fetched:
            with host.progress.step(f"Pull {desired.image}"):
                host.docker.pull(desired)
        record = Record(
            number=number,
            desired=desired,
            fingerprint=desired.fingerprint,
            address=address,
            by=by,
            person=self._person,
            at=moments.text(),
            seconds=0,
            outcome="started",
            note=note,
            standby=live.number if live and standby else 0,
        )
        host.records.save(record)
        return record

    def _standby(self, desired: Desired, live: Record | None) -> "Container | None":
        """Return the live release's container if it can stand by for the new release."""
        if live is None or not desired.health.watch_seconds:
            return None
        container = self.host.docker.containers(self.host.service).get(live.number)
        return container if container and container.running else None

    def _newest(self) -> str:
        """Describe the newest release and its author."""
        number = self.host.records.next_number() - 1
        record = self.host.records.get(number)
        if record is None:
            return f"the newest on this host is {number}, whose record can't be read"
        return f"{record.author} made release {number} ({record.outcome}) at {record.at}"

    def _unused_address(self, live: Record | None) -> str:
        """Choose the address that the live container does not have, its record readable or not."""
        host = self.host
        if live:
            used = {live.address}
        else:
            containers = host.docker.containers(host.service).values()
            used = {container.address for container in containers}
        return next(address for address in host.slot.releases if address not in used)

    def _take_over(self, record: Record) -> None:
        """Lead the requests to a healthy container, from now on and after a reboot."""
        self.host.docker.keep_over_reboots(record.container, keep=True)
        self.host.proxy.serve(record.desired, self.host.slot)
        self.host.routes.route_to(record, self.host.slot)

    def _give_up(
        self, record: Record, live: Record | None, route: str | None, error: BaseException
    ) -> None:
        """Remove the new container after showing its last lines.

        Each step is done whether the former succeeded or not: the last closes the record.
        """
        steps: tuple[Callable[[], object], ...] = (
            lambda: self._route_back(live, route),
            lambda: Candidate(self.host, record).remove(),
            lambda: self.host.records.remove_secrets(record.number),
            lambda: self._close(record, "failed", note=reason(error)),
        )
        for step in steps:
            try:
                step()
            except Exception as failure:  # noqa: BLE001 - the caller reports the first error
                self.host.progress.show(f"  This is left for the next run: {reason(failure)}")

    def _route_back(self, live: Record | None, route: str | None) -> None:
        if live:
            self.host.proxy.serve(live.desired, self.host.slot)
            self.host.routes.route_to(live, self.host.slot)
        elif route:
            self.host.routes.put_back(self.host.service, route)

    def _close(self, record: Record, outcome: str, *, note: str = "") -> Record:
        seconds = self.host.progress.seconds
        note = note or record.note
        standby = record.standby if outcome == "live" else 0
        record = dataclasses.replace(
            record, outcome=outcome, seconds=seconds, note=note, standby=standby
        )
        self.host.records.save(record)
        return record
