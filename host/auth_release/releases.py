"""A release, from the desired state to the record of it."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence

from . import canary as trial
from . import health, listening, preflight
from .containers import Container, Docker
from .desired import Desired, Registry
from .documents import SCHEMA
from .drift import differences
from .errors import ReleaseError
from .failures import reason
from .proxy import Proxy
from .records import Record, Records
from .routes import Routes, rules
from .story import Story

RAN = ("live", "replaced")  # outcomes of releases that served


class Releases:
    """Makes releases of one service on this host."""

    def __init__(
        self,
        service: str,
        *,
        docker: Docker,
        proxy: Proxy,
        routes: Routes,
        records: Records,
        story: Story,
    ) -> None:
        self.service = service
        self.docker = docker
        self.proxy = proxy
        self.routes = routes
        self.records = records
        self.slot = records.slot()
        self.story = story

    def apply(
        self, desired: Desired, *, by: str, planned: int | None = None, note: str = ""
    ) -> Record:
        """Make the desired state the running one; the same one twice changes nothing.

        `planned` is the number that the caller has seen to be next: if it is not, somebody else
        made a release meanwhile, and nothing is done.
        """
        self.clean_up()
        live = self.live()
        if live is None or live.fingerprint == desired.fingerprint:
            found = self.differences(live)
            if live and not found:
                self.story.say(f"Release {live.number} already runs this.")
                return live
            if found:
                note = note or f"repair: {'; '.join(found)}"
                self.story.say(f"Repair, as {'; '.join(found)}.")
        record = self._begin(desired, live, by=by, planned=planned, note=note)
        route = self.routes.text(self.service)
        try:
            self._bring_up(record, live)
            with self.story.step("Switch to it"):
                self._take_over(record)
        except BaseException as error:
            self._give_up(record, live, route, error)
            raise
        record = self._close(record, "live")
        self._run_hooks(record, "after")
        self.story.say(f"Release {record.number} is live after {record.seconds} s.")
        return record

    def tidy(self) -> None:
        """Let the containers that are no longer live end what they have begun; forget old releases.

        Requests reach the live one by now: whoever waits for the release need not wait for this.
        """
        live = self.live()
        if live is None:
            return
        try:
            self._retire_all_but(live.number)
            self._prune(live.desired.keep)
            self.proxy.empty_canary_log(self.service)
        except Exception as error:  # noqa: BLE001 - the release itself is made, or was told to fail
            self.story.say(f"This is left for the next run: {reason(error)}")

    def rollback(self, number: int | None, *, by: str, login: Registry | None = None) -> Record:
        """Run an earlier release again, image and configuration, through the same gate.

        `login` fetches its image if that is no longer here: records keep none.
        """
        live = self.routes.live(self.service)
        replaced = [r for r in self.records.all() if r.outcome == "replaced"]
        usable = [r for r in replaced if r.schema <= SCHEMA]
        wanted = [r for r in usable if number is None or r.number == number]
        if not wanted:
            listed = _listed([r.number for r in usable]) or "none"
            newer = [r.number for r in replaced if r not in usable]
            known = f" (a newer release tool made {_listed(newer)})" if newer else ""
            if number is None:
                raise ReleaseError(f"there is no earlier release to roll back to{known}")
            raise ReleaseError(
                f"release {number} is not one to roll back to{known}; usable: {listed}"
            )
        target = wanted[0]
        target.desired.check()
        desired = target.desired
        if login:
            desired = dataclasses.replace(desired, registry=login)
        origin = f" from {live}" if live else ""
        return self.apply(desired, by=by, note=f"rollback{origin} to {target.number}")

    def differences(self, live: Record | None) -> list[str]:
        """Name how what runs is other than its record; `live` is None if there is no such record.

        Requests may be led to a release all the same: then its record is gone or can't be read.
        """
        number = self.routes.live(self.service)
        if live is None and number is None:
            return []
        if live is None:
            why = self.records.unreadable().get(number or 0, "it is gone")
            return [f"the record of the live release {number} can't be read: {why}"]
        return differences(
            live, self.slot, docker=self.docker, proxy=self.proxy, routes=self.routes
        )

    def live(self) -> Record | None:
        """Return the record of the release that requests are led to, if it can be read."""
        number = self.routes.live(self.service)
        return self.records.get(number) if number else None

    def skipped(self) -> list[str]:
        """Name the records that can't be read, but for the live release's: see `differences`."""
        live = self.routes.live(self.service)
        return [
            f"the record of release {number} can't be read: {why}"
            for number, why in self.records.unreadable().items()
            if number != live
        ]

    def clean_up(self) -> None:
        """Finish or undo what a killed run left: afterwards only the live release is there."""
        self.records.forget_logins()
        number = self.routes.live(self.service)
        for hook in self.docker.hooks(self.service):
            with self.story.step(f"Remove {hook}, left by an interrupted run"):
                self.docker.stop_and_remove(hook, grace=10)
        unfinished = [r for r in self.records.all() if r.outcome in {"started", "live"}]
        containers = self.docker.containers(self.service)
        live = next((record for record in unfinished if record.number == number), None)
        if live and live.host_port:
            # the site that the proxy gets next dials an address, which must lead to it as well
            self.routes.put_back(self.service, rules(live, self.slot))
        if live and live.number in containers and (len(unfinished) > 1 or live.outcome != "live"):
            # killed before the kernel was told, or while a canary had its share
            with self.story.step(f"Lead all requests to release {live.number}, as was begun"):
                self._take_over(live)
                self.records.save(dataclasses.replace(live, outcome="live"))
        self._retire_all_but(number)

    def _begin(
        self, desired: Desired, live: Record | None, *, by: str, planned: int | None, note: str
    ) -> Record:
        """Check, fetch, and record that a release was begun."""
        number = self.records.next_number()
        if planned is not None and planned != number:
            raise ReleaseError(
                f"release {planned} was planned, but {self._newest()}. "
                "Look at a new preview, then try again."
            )
        address = self._unused_address(live)
        fetched = self.docker.has_image(desired.image)
        with self.story.step("Check this host" if fetched else "Check this host and the registry"):
            preflight.check(desired, fetched=fetched)
        if not fetched:
            with self.story.step(f"Pull {desired.image}"):
                self.docker.pull(desired)
        record = Record(
            number=number,
            desired=desired,
            fingerprint=desired.fingerprint,
            address=address,
            by=by,
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            seconds=0,
            outcome="started",
            note=note,
        )
        self.records.save(record)
        return record

    def _newest(self) -> str:
        """Say which release is the newest, and who made it."""
        number = self.records.next_number() - 1
        record = self.records.get(number)
        if record is None:
            return f"the newest on this host is {number}, whose record can't be read"
        return f"{record.by} made release {number} ({record.outcome}) at {record.at}"

    def _unused_address(self, live: Record | None) -> str:
        """Choose the address that the live container does not have, its record readable or not."""
        containers = self.docker.containers(self.service).values()
        used = {live.address} if live else {container.address for container in containers}
        return next(address for address in self.slot.releases if address not in used)

    def _bring_up(self, record: Record, live: Record | None) -> None:
        secrets = self.records.write_secrets(record.number, record.desired)
        self._run_hooks(record, "before")
        beside = f" beside {live.container}" if live else ""
        with self.story.step(f"Start {record.container}{beside}"):
            self.docker.start(record, secrets)
        with self.story.step("Wait until it is healthy"):
            health.wait_until_healthy(
                record.desired.health,
                probe=lambda: health.probe(
                    record.address, record.desired.port, record.desired.health.path
                ),
                alive=lambda: self._exit_code(record),
                why_unreachable=lambda: self._why_unreachable(record),
            )
        if record.desired.canary and live:
            self._try_out(record, live)

    def _try_out(self, record: Record, live: Record) -> None:
        canary = record.desired.canary
        if canary is None:
            return
        with self.story.step(
            f"Try it on {canary.percent} % of the requests for {canary.seconds:g} s"
        ):
            log = self.proxy.canary_log(self.service)
            self.proxy.empty_canary_log(self.service)
            self.proxy.serve(live.desired, self.slot)
            self.routes.split(live, record, canary, self.slot)
            tally = trial.watch(
                canary, count=lambda: trial.read(log), alive=lambda: self._exit_code(record)
            )
        self.story.say(f"  {tally.answers} answers, {tally.errors} server errors")

    def _take_over(self, record: Record) -> None:
        """Lead the requests to a container that is healthy, from now on and after a reboot."""
        self.docker.keep_over_reboots(record.container, keep=True)
        self.proxy.serve(record.desired, self.slot)
        self.routes.lead_to(record, self.slot)

    def _run_hooks(self, record: Record, when: str) -> None:
        hooks = record.desired.hooks
        for argv in hooks.before if when == "before" else hooks.after:
            with self.story.step(f"Run {' '.join(argv)}"):
                secrets = self.records.secrets_folder(record.number)
                try:
                    said = self.docker.run_hook(record, secrets, argv)
                except ReleaseError as error:
                    state = f"; release {record.number} is live" if when == "after" else ""
                    raise ReleaseError(
                        f"the hook {' '.join(argv)!r} {when} the release failed{state}: {error}"
                    ) from None
            self._quote(said.splitlines())

    def _why_unreachable(self, record: Record) -> str:
        container = self.docker.containers(self.service).get(record.number)
        return (
            listening.why_unreachable(container.process, record.desired.port) if container else ""
        )

    def _exit_code(self, record: Record) -> int | None:
        container = self.docker.containers(self.service).get(record.number)
        if container is None:
            raise ReleaseError("the new container was removed by somebody")
        return None if container.running else container.exit_code

    def _give_up(
        self, record: Record, live: Record | None, route: str, error: BaseException
    ) -> None:
        """Take the new container away again, showing what it last said.

        Each step is done whatever became of the one before: the last one closes the record.
        """
        steps: tuple[Callable[[], object], ...] = (
            lambda: self._lead_back(live, route),
            lambda: self._remove(record),
            lambda: self.records.remove_secrets(record.number),
            lambda: self._close(record, "failed", note=reason(error)),
        )
        for step in steps:
            try:
                step()
            except Exception as failure:  # noqa: BLE001 - the first error is the one to tell
                self.story.say(f"  This is left for the next run: {reason(failure)}")

    def _lead_back(self, live: Record | None, route: str) -> None:
        if live:
            self.proxy.serve(live.desired, self.slot)
            self.routes.lead_to(live, self.slot)
        else:
            self.routes.put_back(self.service, route)

    def _remove(self, record: Record) -> None:
        if record.number in self.docker.containers(self.service):
            self.story.say(f"Last lines of {record.container}:")
            self._quote(self.docker.logs(record.container))
            self.docker.stop_and_remove(record.container, grace=record.desired.stop_seconds)

    def _quote(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.story.say(f"  | {line}")

    def _retire_all_but(self, number: int | None) -> None:
        """Take away every container but that of one release, each when it has no connection left.

        One whose record is gone, or can't be read, ends by the rules for what says nothing else.
        """
        records = {record.number: record for record in self.records.all()}
        for other, container in self.docker.containers(self.service).items():
            if other == number:
                continue
            with self.story.step(f"Drain and stop {container.name}"):
                self.docker.keep_over_reboots(container.name, keep=False)
                record = records.get(other)
                self._drain(container, record.desired if record else None)
                grace = record.desired.stop_seconds if record else Desired.stop_seconds
                self.docker.stop_and_remove(container.name, grace=grace)
                self.records.remove_secrets(other)
        for other, record in records.items():
            if other != number and record.outcome in {"started", "live"}:
                self.records.remove_secrets(other)
                outcome = "replaced" if record.outcome == "live" else "interrupted"
                self.records.save(dataclasses.replace(record, outcome=outcome))

    def _drain(self, container: Container, desired: Desired | None) -> None:
        seconds = desired.drain_seconds if desired else Desired.drain_seconds
        left = health.wait_until_drained(container.connections, seconds)
        if left:
            self.story.say(f"  {left} connections were still open after {seconds:g} s")

    def _close(self, record: Record, outcome: str, *, note: str = "") -> Record:
        record = dataclasses.replace(
            record, outcome=outcome, seconds=self.story.seconds, note=note or record.note
        )
        self.records.save(record)
        return record

    def _prune(self, keep: int) -> None:
        """Forget old releases, and the images that only they used.

        Failed ones are counted apart: they must not push out the one to roll back to.
        """
        records = self.records.all()
        ran = [record for record in records if record.outcome in RAN]
        kept = ran[:keep] + [record for record in records if record.outcome not in RAN][:keep]
        images = {record.desired.image for record in ran[:keep]}
        self._tag(ran[:keep])
        for record in records:
            if record not in kept:
                self.records.delete(record.number)
            if record.desired.image not in images and self.docker.has_image(record.desired.image):
                self.docker.remove_image(record.desired.image)
        # what can't be read is kept as long as what can: a newer tool may read it
        for number in self.records.unreadable():
            if len(ran) >= keep and number < ran[keep - 1].number:
                self.records.delete(number)

    def _tag(self, kept: Sequence[Record]) -> None:
        """Tag the images of these releases, and no other: what has no tag may be pruned."""
        tagged = self.docker.tags(self.service)
        for record in kept:
            if record.number not in tagged and self.docker.has_image(record.desired.image):
                self.docker.tag(record)
        for number in tagged - {record.number for record in kept}:
            self.docker.untag(self.service, number)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
