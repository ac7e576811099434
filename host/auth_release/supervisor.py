"""The supervisor: a single process that keeps the live containers and the proxy answering.

It asks each live container every ten seconds, at the port that the health gate asks. Docker's
client runs for a restart alone.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from . import data_volume, health, lock, moments, proxy
from .candidate import Candidate
from .errors import ReleaseError
from .failures import reason
from .files import write_atomically, write_changed
from .programs import run, succeeds
from .records import STATE, Record, Records
from .releases import Releases
from .routes import Routes
from .supervision import BOUND, ROUND_SECONDS, SLOW_SECONDS, Restart, Restarts, Supervision

METRICS = Path("/run/auth-release/supervisor.prom")
PROXY = "_proxy"  # no service has such a name
BY = "the supervisor"
_SIDE_BY_SIDE = 32
_PROXY_START_SECONDS = 10
UNIT = Path("/etc/systemd/system/auth-supervisor.service")
# Its lines reach the journal by syslog, as the lines of a release do.
_UNIT_TEXT = """\
[Unit]
Description=Restarts services and the proxy when they give no answer
After=docker.service auth-routes.service auth-data.service caddy.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=/usr/local/sbin/auth-release supervise
StandardError=null
Restart=always
RestartSec=5
WatchdogSec=60
MemoryMax=128M

[Install]
WantedBy=multi-user.target
"""


def install() -> None:
    """Install the supervisor, and start it with the code of this tool."""
    if write_changed(UNIT, _UNIT_TEXT):
        run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--quiet", UNIT.name)
    run("systemctl", "restart", "--no-block", UNIT.name)


def restarts_of(state: Path, name: str) -> Restarts:
    return Restarts(state / "supervision", name)


class Subject:
    """A live release, or the proxy, under supervision."""

    def __init__(self, supervision: Supervision) -> None:
        self.supervision = supervision
        self.problem: str | None = None
        self.seconds = 0.0  # of the last answer


class Supervisor:
    """Asks all services of a host, and restarts the processes without an answer.

    `releases_of` returns a run of the release tool for a service.
    """

    def __init__(
        self,
        releases_of: Callable[[str], Releases],
        *,
        state: Path = STATE,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._releases_of, self._state, self._log, self._clock = releases_of, state, log, clock
        self._subjects: dict[tuple[str, int], Subject] = {}
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE)
        self._work: dict[str, Future[None]] = {}

    def run(self) -> None:
        """Supervise until the process ends."""
        _notify("READY=1")
        while True:
            began = self._clock()
            self.begin_round()
            self._write_metrics()
            _notify(f"WATCHDOG=1\nSTATUS={self.summary}")
            time.sleep(max(ROUND_SECONDS - (self._clock() - began), 0))

    def begin_round(self) -> None:
        """Begin a question to each service and the proxy, without the questions still under way."""
        routes = Routes(self._state)
        live = {service: routes.live(service) for service in Records.services(self._state)}
        numbers = {**{name: number for name, number in live.items() if number}, PROXY: 0}
        for key in [key for key in [*self._subjects] if numbers.get(key[0]) != key[1]]:
            del self._subjects[key]
        for name, number in numbers.items():
            work = self._work.get(name)
            if work is None or work.done():
                self._work[name] = self._pool.submit(self._look_after, name, number)

    def end_round(self) -> None:
        """Wait until all questions, and the restarts that they caused, are over."""
        for work in self._work.values():
            work.result()

    @property
    def summary(self) -> str:
        """Describe the state in a line for `systemctl status`."""
        problems = [
            f"{name.strip('_')}: {subject.problem}"
            for (name, _), subject in [*self._subjects.items()]
            if subject.problem
        ]
        return "; ".join(problems) or f"{len(self._subjects)} healthy"

    def _look_after(self, name: str, number: int) -> None:
        try:
            if name == PROXY:
                self._look_after_proxy()
            else:
                self._look_after_service(name, number)
        except Exception as error:  # noqa: BLE001 - the next round tries again
            self._log(f"Supervision of {name.strip('_')}: {reason(error)}")

    def _look_after_service(self, service: str, number: int) -> None:
        record = Records(self._state, service).get(number)
        if record is None:
            return
        seconds = record.desired.health.deadline_seconds
        subject = self._ask((service, number), lambda: health.of_release(record), seconds)
        if not subject.supervision.is_due(now=self._clock()):
            return
        with lock.unless_taken(self._state, service, by=BY) as is_mine:
            # another run has the lock: a release, a watch, a rollback or a restore
            if is_mine and self._can_restart(number, service):
                self._restart_service(subject, record)

    def _can_restart(self, number: int, service: str) -> bool:
        """Whether the release is still live, and its container's needs are there.

        On a boot, Docker and the data volume may be late; both start the container themselves.
        """
        return (
            Routes(self._state).live(service) == number
            and data_volume.problem() is None
            and succeeds("systemctl", "is-active", "--quiet", "docker.service")
        )

    def _restart_service(self, subject: Subject, record: Record) -> None:
        releases = self._releases_of(record.desired.service)
        host = releases.host
        if record.standby:
            # a killed run left its watch, and the rules of the watch decide
            releases.clean_up()
            releases.finish()
            return

        def restart() -> None:
            host.docker.restart(record.container)
            Candidate(host, record).wait_until_healthy()

        self._restart(
            subject,
            name=record.desired.service,
            number=record.number,
            start_seconds=record.desired.health.deadline_seconds,
            work=restart,
        )

    def _look_after_proxy(self) -> None:
        if not any((proxy.CADDY / "sites").glob("*.caddy")):
            return
        subject = self._ask((PROXY, 0), proxy.probe, _PROXY_START_SECONDS)
        if not subject.supervision.is_due(now=self._clock()):
            return
        with proxy.unless_reloading() as is_mine:
            if is_mine:
                self._restart(
                    subject,
                    name=PROXY,
                    number=0,
                    start_seconds=_PROXY_START_SECONDS,
                    work=_restart_proxy,
                )

    def _ask(
        self, key: tuple[str, int], ask: Callable[[], str | None], start_seconds: float
    ) -> Subject:
        """Ask a subject, and note its answer; the first question opens its supervision."""
        began = self._clock()
        if key not in self._subjects:
            supervision = Supervision(now=began, start_seconds=start_seconds)
            self._subjects[key] = Subject(supervision)
        subject = self._subjects[key]
        subject.problem = ask()
        now = self._clock()
        subject.seconds = now - began
        is_silent = subject.problem is not None and not health.is_answer(subject.problem)
        subject.supervision.note(subject.problem if is_silent else None, now=now)
        if not is_silent and not subject.supervision.is_exhausted:
            restarts_of(self._state, key[0]).forget_bound()
        return subject

    def _restart(
        self,
        subject: Subject,
        *,
        name: str,
        number: int,
        start_seconds: float,
        work: Callable[[], None],
    ) -> None:
        restarts, title = restarts_of(self._state, name), f"{name}-{number}" if number else "Caddy"
        problem = subject.problem or ""
        at = moments.text()
        self._log(f"Restart {title}: {problem}, three times in a row.")
        with contextlib.suppress(ReleaseError):  # of a full disk
            restarts.begin(Restart(at=at, release=number, problem=problem))
        began = self._clock()
        try:
            work()
            result, start_seconds = f"healthy after {self._clock() - began:.1f} s", 0.0
        except ReleaseError as error:
            result = reason(error)
        subject.supervision.restarted(now=self._clock(), start_seconds=start_seconds)
        exhausted = ""
        if subject.supervision.is_exhausted:
            exhausted = (
                f"{BOUND} restarts in a row did not help {title}; the next try is in "
                f"{SLOW_SECONDS // 60} minutes. `make logs` may have the cause"
            )
            self._log(exhausted)
        self._log(f"{title}: {result}.")
        with contextlib.suppress(ReleaseError, ValueError):
            restarts.end(result, exhausted=exhausted)

    def _write_metrics(self) -> None:
        with contextlib.suppress(OSError, ReleaseError):  # a metric must not end the supervision
            METRICS.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            write_atomically(METRICS, "\n".join([*self._metrics(), ""]), mode=0o644)

    def _metrics(self) -> Iterator[str]:
        """List the gauges and counters in Prometheus' text format."""
        yield "# TYPE auth_supervisor_round_timestamp_seconds gauge"
        yield f"auth_supervisor_round_timestamp_seconds {time.time():.0f}"
        subjects = [
            (name.strip("_"), name, each) for (name, _), each in list(self._subjects.items())
        ]
        yield "# TYPE auth_supervised_up gauge"
        for label, _, each in subjects:
            yield f'auth_supervised_up{{name="{label}"}} {int(each.problem is None)}'
        yield "# TYPE auth_supervised_answer_seconds gauge"
        for label, _, each in subjects:
            yield f'auth_supervised_answer_seconds{{name="{label}"}} {each.seconds:.4f}'
        yield "# TYPE auth_supervised_restarts_total counter"
        for label, name, _ in subjects:
            total = restarts_of(self._state, name).total
            yield f'auth_supervised_restarts_total{{name="{label}"}} {total}'


def _restart_proxy() -> None:
    run("systemctl", "restart", "caddy.service", timeout=60)
    deadline = time.monotonic() + _PROXY_START_SECONDS
    while problem := proxy.probe():
        if time.monotonic() >= deadline:
            raise ReleaseError(f"no answer after the restart: {problem}")
        time.sleep(0.2)


def _notify(state: str) -> None:
    """Send a state to systemd, as sd_notify(3) does; nothing outside of systemd."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link, contextlib.suppress(OSError):
        link.connect(f"\0{path[1:]}" if path.startswith("@") else path)
        link.send(state.encode(errors="replace"))
