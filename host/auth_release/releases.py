"""A release, from the desired state to its record."""

import dataclasses
import time
from collections.abc import Callable, Iterable

from . import canary as trial
from . import health, listening, preflight, rollback
from .desired import Desired, Registry
from .errors import ReleaseError
from .failures import reason
from .records import Record
from .retirement import Retirement
from .routes import rules
from .service_host import ServiceHost


class Releases:
    """Makes releases of a service on this host."""

    def __init__(self, host: ServiceHost) -> None:
        self.host = host
        self._retirement = Retirement(host)

    def apply(
        self, desired: Desired, *, by: str, planned: int | None = None, note: str = ""
    ) -> Record:
        """Release the desired state, unless it is live already; return the live release's record.

        `planned` is the number that the caller saw to be the next. Another number means that
        somebody else made a release meanwhile: then nothing is done.
        """
        self.clean_up()
        live = self.host.live()
        if live is None or live.fingerprint == desired.fingerprint:
            differences = self.host.drift(live)
            if live and not differences:
                self.host.progress.show(f"Release {live.number} already runs this.")
                return live
            if differences:
                note = note or f"repair: {'; '.join(differences)}"
                self.host.progress.show(f"Repair, as {'; '.join(differences)}.")
        record = self._begin(desired, live, by=by, planned=planned, note=note)
        route = self.host.routes.text(self.host.service)
        try:
            self._bring_up(record, live)
            with self.host.progress.step("Switch to it"):
                self._take_over(record)
        except BaseException as error:
            self._give_up(record, live, route, error)
            raise
        record = self._close(record, "live")
        self._run_hooks(record, "after")
        self.host.progress.show(f"Release {record.number} is live after {record.seconds} s.")
        return record

    def rollback(self, number: int | None, *, by: str, login: Registry | None = None) -> Record:
        """Run an earlier release again, image and configuration, through the same health gate.

        `login` fetches its image if this host no longer has it: records keep no login.
        """
        live = self.host.routes.live(self.host.service)
        target = rollback.target(self.host.records, number, live=live)
        target.desired.check()
        desired = target.desired
        if login:
            desired = dataclasses.replace(desired, registry=login)
        origin = f" from {live}" if live else ""
        return self.apply(desired, by=by, note=f"rollback{origin} to {target.number}")

    def tidy(self) -> None:
        """Drain and stop the containers that are no longer live, and delete old releases.

        Requests reach the live release already, so nobody has to wait for this.
        """
        live = self.host.live()
        if live is None:
            return
        try:
            self._retirement.retire_all_but(live.number)
            self._retirement.prune(live.desired.keep)
            self.host.proxy.empty_canary_log(self.host.service)
        except Exception as error:  # noqa: BLE001 - the release's own result is known by now
            self.host.progress.show(f"This is left for the next run: {reason(error)}")

    def clean_up(self) -> None:
        """Finish or undo the work of a killed run: afterwards the live release alone is there."""
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
        if live and live.number in containers and (len(unfinished) > 1 or live.outcome != "live"):
            # killed before the kernel had the rules, or while a canary had its share
            with host.progress.step(f"Lead all requests to release {live.number}, as was begun"):
                self._take_over(live)
                host.records.save(dataclasses.replace(live, outcome="live"))
        self._retirement.retire_all_but(number)

    def _begin(
        self, desired: Desired, live: Record | None, *, by: str, planned: int | None, note: str
    ) -> Record:
        """Check the host, fetch the image, and record the beginning of a release."""
        host = self.host
        number = host.records.next_number()
        if planned is not None and planned != number:
            raise ReleaseError(
                f"release {planned} was planned, but {self._newest()}. "
                "Look at a new preview, then try again."
            )
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
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            seconds=0,
            outcome="started",
            note=note,
        )
        host.records.save(record)
        return record

    def _newest(self) -> str:
        """Describe the newest release and its author."""
        number = self.host.records.next_number() - 1
        record = self.host.records.get(number)
        if record is None:
            return f"the newest on this host is {number}, whose record can't be read"
        return f"{record.by} made release {number} ({record.outcome}) at {record.at}"

    def _unused_address(self, live: Record | None) -> str:
        """Choose the address that the live container does not have, its record readable or not."""
        host = self.host
        containers = host.docker.containers(host.service).values()
        used = {live.address} if live else {container.address for container in containers}
        return next(address for address in host.slot.releases if address not in used)

    def _bring_up(self, record: Record, live: Record | None) -> None:
        host, desired = self.host, record.desired
        secrets = host.records.write_secrets(record.number, desired)
        self._run_hooks(record, "before")
        beside = f" beside {live.container}" if live else ""
        with host.progress.step(f"Start {record.container}{beside}"):
            host.docker.start(record, secrets)
        with host.progress.step("Wait until it is healthy"):
            health.wait_until_healthy(
                desired.health,
                probe=lambda: health.probe(record.address, desired.port, desired.health.path),
                exit_code=lambda: self._exit_code(record),
                likely_cause=lambda: self._why_unreachable(record),
            )
        if desired.canary and live:
            self._try_out(record, live)

    def _try_out(self, record: Record, live: Record) -> None:
        host, canary = self.host, record.desired.canary
        if canary is None:
            return
        share = f"{canary.percent} % of the requests for {canary.seconds:g} s"
        with host.progress.step(f"Try it on {share}"):
            log = host.proxy.canary_log(host.service)
            host.proxy.empty_canary_log(host.service)
            host.proxy.serve(live.desired, host.slot)
            host.routes.split(live, record, canary, host.slot)
            tally = trial.watch(
                canary, count=lambda: trial.read(log), exit_code=lambda: self._exit_code(record)
            )
        host.progress.show(f"  {tally.answers} answers, {tally.errors} server errors")

    def _take_over(self, record: Record) -> None:
        """Lead the requests to a healthy container, from now on and after a reboot."""
        self.host.docker.keep_over_reboots(record.container, keep=True)
        self.host.proxy.serve(record.desired, self.host.slot)
        self.host.routes.route_to(record, self.host.slot)

    def _run_hooks(self, record: Record, when: str) -> None:
        hooks = record.desired.hooks
        for argv in hooks.before if when == "before" else hooks.after:
            with self.host.progress.step(f"Run {' '.join(argv)}"):
                secrets = self.host.records.secrets_folder(record.number)
                try:
                    output = self.host.docker.run_hook(record, secrets, argv)
                except ReleaseError as error:
                    state = f"; release {record.number} is live" if when == "after" else ""
                    raise ReleaseError(
                        f"the hook {' '.join(argv)!r} {when} the release failed{state}: {error}"
                    ) from None
            self._quote(output.splitlines())

    def _why_unreachable(self, record: Record) -> str | None:
        container = self.host.docker.containers(self.host.service).get(record.number)
        if container is None:
            return None
        return listening.why_unreachable(container.process, record.desired.port)

    def _exit_code(self, record: Record) -> int | None:
        container = self.host.docker.containers(self.host.service).get(record.number)
        if container is None:
            raise ReleaseError("the new container was removed by somebody")
        return None if container.running else container.exit_code

    def _give_up(
        self, record: Record, live: Record | None, route: str | None, error: BaseException
    ) -> None:
        """Remove the new container after showing its last lines.

        Each step is done whether the former succeeded or not: the last closes the record.
        """
        steps: tuple[Callable[[], object], ...] = (
            lambda: self._route_back(live, route),
            lambda: self._remove(record),
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

    def _remove(self, record: Record) -> None:
        docker = self.host.docker
        if record.number in docker.containers(self.host.service):
            self.host.progress.show(f"Last lines of {record.container}:")
            self._quote(docker.logs(record.container))
            docker.stop_and_remove(record.container, grace=record.desired.stop_seconds)

    def _quote(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.host.progress.show(f"  | {line}")

    def _close(self, record: Record, outcome: str, *, note: str = "") -> Record:
        seconds = self.host.progress.seconds
        note = note or record.note
        record = dataclasses.replace(record, outcome=outcome, seconds=seconds, note=note)
        self.host.records.save(record)
        return record
