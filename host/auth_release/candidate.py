"""The container of a new release, from its start through the health gate and the canary."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import canary as trial
from . import health, listening
from .desired import Canary
from .errors import ReleaseError
from .records import Record
from .service_host import ServiceHost

if TYPE_CHECKING:
    from .containers import Container


class Candidate:
    """A new release's container: it gets requests only after all its trials."""

    def __init__(self, host: ServiceHost, record: Record) -> None:
        self._host, self._record = host, record
        self.container: Container | None = None  # at the health gate

    def bring_up(self, live: Record | None) -> None:
        """Run the hooks before the release, start the container, and wait until it is healthy."""
        host, record = self._host, self._record
        secrets = host.records.write_secrets(record.number, record.desired)
        self.run_hooks("before")
        beside = f" beside {live.container}" if live else ""
        with host.progress.step(f"Start {record.container}{beside}"):
            host.docker.start(record, secrets)
        with host.progress.step("Wait until it is healthy"):
            self.wait_until_healthy()

    def try_out(self, live: Record | None) -> None:
        """Try the healthy container on a share of the requests, if the release has a canary."""
        if self._record.desired.canary and live:
            self._try_out(self._record.desired.canary, live)

    def wait_until_healthy(self) -> None:
        record = self._record
        health.wait_until_healthy(
            record.desired.health,
            probe=self.probe,
            exit_code=self._exit_code,
            likely_cause=self._why_unreachable,
        )

    def probe(self) -> str | None:
        """Ask the container for its health; return None, or the problem."""
        return health.of_release(self._record)

    def run_hooks(self, when: str) -> None:
        """Run the hooks `before` or `after` the release."""
        host, record = self._host, self._record
        hooks = record.desired.hooks
        for argv in hooks.before if when == "before" else hooks.after:
            with host.progress.step(f"Run {' '.join(argv)}"):
                secrets = host.records.secrets_folder(record.number)
                try:
                    output = host.docker.run_hook(record, secrets, argv)
                except ReleaseError as error:
                    state = f"; release {record.number} is live" if when == "after" else ""
                    raise ReleaseError(
                        f"the hook {' '.join(argv)!r} {when} the release failed{state}: {error}"
                    ) from None
            self._quote(output.splitlines())

    def show_last_lines(self, *, until: float | None = None) -> None:
        """Show the end of the container's log, or of its log until a time."""
        self._host.progress.show(f"Last lines of {self._record.container}:")
        self._quote(self._host.docker.logs(self._record.container, until=until))

    def remove(self) -> None:
        """Stop and remove the container after showing its last lines."""
        host, record = self._host, self._record
        if record.number in host.docker.containers(host.service):
            self.show_last_lines()
            host.docker.stop_and_remove(record.container, grace=record.desired.stop_seconds)

    def _try_out(self, canary: Canary, live: Record) -> None:
        host = self._host
        share = f"{canary.percent} % of the requests for {canary.seconds:g} s"
        with host.progress.step(f"Try it on {share}"):
            log = host.proxy.canary_log(host.service)
            host.proxy.empty_canary_log(host.service)
            host.proxy.serve(live.desired, host.slot)
            host.routes.split(live, self._record, canary, host.slot)
            tally = trial.watch(canary, count=lambda: trial.read(log), exit_code=self._exit_code)
        host.progress.show(f"  {tally.answers} answers, {tally.errors} server errors")

    def _why_unreachable(self) -> str | None:
        container = self._host.docker.containers(self._host.service).get(self._record.number)
        if container is None:
            return None
        return listening.why_unreachable(container.process, self._record.desired.port)

    def _exit_code(self) -> int | None:
        """Return the exit code of the container; None while it runs.

        Docker is asked at the start and at the end alone: its client takes more of the processor
        than the probes.
        """
        docker = self._host.docker
        if self.container and not docker.has_ended(self.container):
            return None
        self.container = docker.containers(self._host.service).get(self._record.number)
        if self.container is None:
            raise ReleaseError("the new container was removed by somebody")
        return None if self.container.running else self.container.exit_code

    def _quote(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._host.progress.show(f"  | {line}")
