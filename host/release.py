#!/usr/bin/env python3
"""auth-release: makes the desired state of a service the running one, without a lost request.

Runs as root on the VM, with nothing but Python's standard library, Docker and Caddy. The desired
state is a JSON document on stdin (see `Desired`); progress goes to stderr, the result is one line
of JSON on stdout.

A release: check, pull, start the new container beside the old one, wait until it is healthy,
switch the proxy, drain and stop the old one, record, prune. Whatever fails before the switch
leaves the old one untouched. The proxy's site file is the one truth about which release is live:
a run that was killed is finished, or undone, by the next one from there.
"""

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATE = Path("/var/lib/auth-release")
SITES = Path("/etc/caddy/sites")
DATA = Path("/srv/auth")
# Host ports of containers, bound to loopback. Fixed per release, as Docker would give a container
# another one after a reboot; two neighbours never share one.
FIRST_PORT, PORTS = 20000, 1000
# A release needs room for its image twice: compressed and unpacked.
FREE_BYTES = 1 << 30
LOCK_SECONDS = 120
LOG_LINES = 20
RAN = ("live", "replaced")  # outcomes of releases that served


class ReleaseError(Exception):
    """The release can't be made; the message says why and what to do. The old one still serves."""


# --- the desired state ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Health:
    path: str
    deadline_seconds: float
    stable_seconds: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    memory: str
    cpus: str
    pids: int


@dataclass(frozen=True, kw_only=True)
class Registry:
    server: str
    username: str
    password: str = dataclasses.field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Desired:
    """What must run. Times in seconds; `image` is NAME@sha256:…; `site` is Caddy's address."""

    service: str
    disk: str  # the boot volume: a new disk has nothing on it, so everything is applied again
    image: str
    registry: Registry
    port: int
    site: str
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = dataclasses.field(repr=False)
    uid: int
    health: Health
    limits: Limits
    drain_seconds: float
    stop_seconds: int
    keep: int

    @classmethod
    def parse(cls, text: str) -> "Desired":
        """Read the document; raise ReleaseError naming the key that is wrong, never a value."""
        try:
            values = json.loads(text)
            desired = cls(
                **{
                    **values,
                    "registry": Registry(**values["registry"]),
                    "health": Health(**values["health"]),
                    "limits": Limits(**values["limits"]),
                }
            )
        except (ValueError, TypeError, KeyError) as error:
            reason = "not JSON" if isinstance(error, ValueError) else str(error)
            raise ReleaseError(f"the desired state on stdin can't be read: {reason}") from None
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", desired.service):
            raise ReleaseError("`service` must be a lower-case name of up to 32 letters")
        if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", desired.image):
            raise ReleaseError(f"`image` must be named by digest, not {desired.image!r}")
        return desired

    @property
    def fingerprint(self) -> str:
        """Identify what runs: the same fingerprint twice means that there is nothing to do.

        The registry's password is left out: it fetches the image and is no part of it.
        """
        values = dataclasses.asdict(self)
        del values["registry"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


# --- records -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Record:
    """One release, as it is kept: enough to run it again."""

    number: int
    desired: Desired
    by: str
    at: str
    seconds: float
    outcome: str
    note: str = ""

    @property
    def container(self) -> str:
        return f"{self.desired.service}-{self.number}"

    @property
    def host_port(self) -> int:
        return FIRST_PORT + self.number % PORTS


class Records:
    """The releases of one service, a file each, readable by root alone: they hold its secrets."""

    def __init__(self, state: Path, service: str) -> None:
        self.folder = state / service
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def all(self) -> list[Record]:
        """List the releases, newest first."""
        return [
            self._load(path) for path in sorted(self.folder.glob("release-*.json"), reverse=True)
        ]

    def get(self, number: int) -> Record | None:
        path = self._path(number)
        return self._load(path) if path.exists() else None

    def save(self, record: Record) -> None:
        document = dataclasses.asdict(record)
        write_atomically(self._path(record.number), json.dumps(document), mode=0o600)

    def delete(self, number: int) -> None:
        shutil.rmtree(self.secrets_folder(number), ignore_errors=True)
        self._path(number).unlink(missing_ok=True)

    def next_number(self) -> int:
        newest = self.all()[:1]
        return newest[0].number + 1 if newest else 1

    def secrets_folder(self, number: int) -> Path:
        return self.folder / f"secrets-{number:06}"

    def write_secrets(self, number: int, desired: Desired) -> Path:
        """Put the secrets where the container's user, and root, can read them: nobody else."""
        folder = self.secrets_folder(number)
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, value in desired.secrets.items():
            path = folder / name
            write_atomically(path, value, mode=0o400)
            os.chown(path, desired.uid, desired.uid)
        os.chown(folder, desired.uid, desired.uid)
        return folder

    def _path(self, number: int) -> Path:
        return self.folder / f"release-{number:06}.json"

    @staticmethod
    def _load(path: Path) -> Record:
        document = json.loads(path.read_text())
        desired = Desired.parse(json.dumps(document.pop("desired")))
        return Record(desired=desired, **document)


def write_atomically(path: Path, text: str, *, mode: int) -> None:
    """Replace a file whole: after a crash there is the old one or the new one, on the disk."""
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# --- the host's tools ----------------------------------------------------------------------------


def run(*argv: str, timeout: float = 300, env: Mapping[str, str] | None = None) -> str:
    """Run a program and give its output; raise ReleaseError with its last words."""
    try:
        result = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **(env or {})},
        )
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"`{' '.join(argv[:2])}` did not end within {timeout:.0f} s") from None
    if result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip())[-2000:]
        raise ReleaseError(f"`{' '.join(argv[:2])}` failed: {said}")
    return result.stdout


class Docker:
    """The containers of one service. Each carries the release's number as a label."""

    def pull(self, desired: Desired) -> None:
        """Fetch the image by digest; the credentials stay in a folder that goes at once."""
        registry = desired.registry
        with tempfile.TemporaryDirectory(prefix="auth-release-") as folder:
            env = {"DOCKER_CONFIG": folder}
            login = subprocess.run(
                ["docker", "login", "-u", registry.username, "--password-stdin", registry.server],
                input=registry.password,
                env={**os.environ, **env},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            if login.returncode != 0:
                raise ReleaseError(
                    f"{registry.server} refuses the login of {registry.username!r}: "
                    f"{login.stderr.strip()[-500:]}. Is auth:registryPassword still valid?"
                )
            run("docker", "pull", "--quiet", desired.image, timeout=600, env=env)

    def has_image(self, image: str) -> bool:
        found = subprocess.run(
            ["docker", "image", "inspect", image], capture_output=True, check=False
        )
        return found.returncode == 0

    def architecture(self, image: str) -> str:
        return run("docker", "image", "inspect", "--format", "{{.Architecture}}", image).strip()

    def start(self, record: Record, secrets: Path) -> None:
        desired, limits = record.desired, record.desired.limits
        data = DATA / desired.service
        data.mkdir(mode=0o750, exist_ok=True)
        os.chown(data, desired.uid, desired.uid)
        environment = {
            **desired.environment,
            **{f"{name}_FILE": f"/run/secrets/{name}" for name in desired.secrets},
        }
        flags = [f"--env={name}={value}" for name, value in sorted(environment.items())]
        run(
            *("docker", "run", "--detach", "--pull=never", "--name", record.container),
            *("--label", f"auth.service={desired.service}"),
            *("--label", f"auth.release={record.number}"),
            *("--label", f"auth.fingerprint={desired.fingerprint}"),
            # until it is live: a reboot must not bring back a half-made release
            "--restart=no",
            *("--publish", f"127.0.0.1:{record.host_port}:{desired.port}"),
            *("--volume", f"{data}:/data"),
            *("--volume", f"{secrets}:/run/secrets:ro"),
            *("--read-only", "--tmpfs", "/tmp:rw,noexec,nosuid,size=16m"),  # noqa: S108 - its own
            *("--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--init"),
            *("--memory", limits.memory, "--memory-swap", limits.memory),
            *("--cpus", limits.cpus, "--pids-limit", str(limits.pids)),
            *("--stop-timeout", str(desired.stop_seconds)),
            *flags,
            desired.image,
        )

    def keep_over_reboots(self, container: str, *, keep: bool) -> None:
        policy = "unless-stopped" if keep else "no"
        run("docker", "update", f"--restart={policy}", container)

    def containers(self, service: str) -> dict[int, "Container"]:
        """Find the service's containers, running or not, by release number."""
        ids = run(
            "docker", "ps", "--all", "--quiet", "--filter", f"label=auth.service={service}"
        ).split()
        found = json.loads(run("docker", "inspect", *ids)) if ids else []
        return {
            int(c["Config"]["Labels"]["auth.release"]): Container(
                name=c["Name"].lstrip("/"),
                running=c["State"]["Running"],
                exit_code=c["State"]["ExitCode"],
                fingerprint=c["Config"]["Labels"]["auth.fingerprint"],
                image=c["Config"]["Image"],
            )
            for c in found
        }

    def logs(self, container: str, lines: int = LOG_LINES) -> str:
        result = subprocess.run(
            ["docker", "logs", "--tail", str(lines), container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return result.stdout

    def stop_and_remove(self, container: str, *, grace: int) -> None:
        run("docker", "stop", "--time", str(grace), container, timeout=grace + 60)
        run("docker", "rm", "--force", container)

    def remove_image(self, image: str) -> None:
        # an image that another container still uses stays; the next prune takes it
        subprocess.run(["docker", "image", "rm", image], capture_output=True, check=False)


@dataclass(frozen=True, kw_only=True)
class Container:
    name: str
    running: bool
    exit_code: int
    fingerprint: str
    image: str


class Proxy:
    """Caddy, with a site file for each service; its first line says which release it leads to."""

    def live(self, service: str) -> int | None:
        """Tell the number of the release that the site file leads to."""
        try:
            head = self._path(service).read_text().partition("\n")[0]
        except FileNotFoundError:
            return None
        match = re.fullmatch(r"# release (\d+)", head)
        return int(match.group(1)) if match else None

    def leads_to(self, record: Record) -> bool:
        """Tell whether the site file is what this release would write: nobody edited it."""
        path = self._path(record.desired.service)
        return path.exists() and path.read_text() == site_file(record)

    def switch(self, record: Record) -> None:
        """Lead new requests to the release. On refusal the old file is put back."""
        path = self._path(record.desired.service)
        before = path.read_text() if path.exists() else None
        write_atomically(path, site_file(record), mode=0o644)
        try:
            self.reload()
        except ReleaseError:
            if before is None:
                path.unlink()
            else:
                write_atomically(path, before, mode=0o644)
            raise

    def reload(self) -> None:
        run("caddy", "validate", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile")
        run("systemctl", "reload-or-restart", "caddy.service")

    @staticmethod
    def _path(service: str) -> Path:
        return SITES / f"{service}.caddy"


def site_file(record: Record) -> str:
    """Render the proxy's site for a release."""
    return f"""# release {record.number}
{record.desired.site} {{
	encode gzip
	reverse_proxy 127.0.0.1:{record.host_port} {{
		# a dial that fails is tried again: no request is sent twice
		lb_try_duration 5s
		lb_try_interval 100ms
	}}
}}
"""


# --- a release -----------------------------------------------------------------------------------


class Story:
    """Tells what happens, in the present tense, with the time each step took."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        print(f"{title}...", file=sys.stderr, flush=True)
        yield
        print(f"  {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.started, 1)


class Releases:
    """Makes releases of one service on this host."""

    def __init__(self, service: str, *, docker: Docker, proxy: Proxy, records: Records) -> None:
        self.service = service
        self.docker = docker
        self.proxy = proxy
        self.records = records
        self.story = Story()

    def apply(self, desired: Desired, *, by: str, note: str = "") -> Record:
        """Make the desired state the running one; the same one twice changes nothing."""
        self.clean_up()
        live = self._live()
        if live and self._runs(live, desired):
            print(f"Release {live.number} already runs this.", file=sys.stderr)
            return live
        with self.story.step("Check this host"):
            self._check_host(desired)
        if not self.docker.has_image(desired.image):
            with self.story.step(f"Pull {desired.image}"):
                self.docker.pull(desired)
        self._check_architecture(desired)
        record = Record(
            number=self.records.next_number(),
            desired=desired,
            by=by,
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            seconds=0,
            outcome="started",
            note=note,
        )
        self.records.save(record)
        try:
            self._bring_up(record)
        except BaseException as error:
            self._give_up(record, error)
            raise
        with self.story.step("Switch the proxy"):
            self.docker.keep_over_reboots(record.container, keep=True)
            try:
                self.proxy.switch(record)
            except ReleaseError as error:
                self._give_up(record, error)
                raise
        if live:
            self._retire(live)
        record = self._close(record, "live")
        self._prune(desired.keep)
        print(f"Release {record.number} is live after {record.seconds} s.", file=sys.stderr)
        return record

    def rollback(self, number: int | None, *, by: str) -> Record:
        """Run an earlier release again, image and configuration, through the same gate."""
        live = self._live()
        usable = [r for r in self.records.all() if r.outcome == "replaced"]
        wanted = [r for r in usable if number is None or r.number == number]
        if not wanted:
            listed = ", ".join(str(r.number) for r in usable) or "none"
            asked = f"release {number} is not" if number else "there is none"
            raise ReleaseError(f"{asked} one to roll back to; usable: {listed}")
        target = wanted[0]
        origin = f" from {live.number}" if live else ""
        return self.apply(target.desired, by=by, note=f"rollback{origin} to {target.number}")

    def clean_up(self) -> None:
        """Finish or undo what a killed run left: afterwards only the live release is there."""
        number = self.proxy.live(self.service)
        for other, container in self.docker.containers(self.service).items():
            if other != number:
                with self.story.step(f"Remove {container.name}, left by an interrupted run"):
                    self.docker.stop_and_remove(container.name, grace=10)
        for record in self.records.all():
            if record.number == number and record.outcome == "started":
                # killed between the switch and the record: the proxy may not have been reloaded
                with self.story.step(f"Finish release {number}, left by an interrupted run"):
                    self.docker.keep_over_reboots(record.container, keep=True)
                    self.proxy.reload()
                    self.records.save(dataclasses.replace(record, outcome="live"))
            elif record.number != number and record.outcome in {"started", "live"}:
                outcome = "replaced" if record.outcome == "live" else "interrupted"
                self.records.save(dataclasses.replace(record, outcome=outcome))

    def _live(self) -> Record | None:
        number = self.proxy.live(self.service)
        return self.records.get(number) if number else None

    def _runs(self, live: Record, desired: Desired) -> bool:
        container = self.docker.containers(self.service).get(live.number)
        return (
            container is not None
            and container.running
            and container.image == desired.image
            and container.fingerprint == desired.fingerprint
            and self.proxy.leads_to(live)
        )

    def _check_host(self, desired: Desired) -> None:
        for path in (Path("/var/lib/docker"), DATA):
            free = shutil.disk_usage(path).free
            if free < FREE_BYTES:
                raise ReleaseError(
                    f"{path} has {free >> 20} MiB free; a release needs {FREE_BYTES >> 20} MiB. "
                    "Free some with: docker system prune"
                )
        if not os.path.ismount(DATA):
            raise ReleaseError(f"{DATA} is not mounted: see `systemctl status auth-data`")
        if not desired.site:
            raise ReleaseError("`site` is empty; it is what the proxy answers to, such as :80")

    def _check_architecture(self, desired: Desired) -> None:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "unknown")
        image = self.docker.architecture(desired.image)
        if image != machine:
            raise ReleaseError(
                f"the image is built for {image}, this host is {machine}: build for linux/{machine}"
            )

    def _bring_up(self, record: Record) -> None:
        with self.story.step(f"Start {record.container} beside the running release"):
            secrets = self.records.write_secrets(record.number, record.desired)
            self.docker.start(record, secrets)
        with self.story.step("Wait until it is healthy"):
            wait_until_healthy(
                record.desired.health,
                probe=lambda: probe(record.host_port, record.desired.health.path),
                alive=lambda: self._exit_code(record),
            )

    def _exit_code(self, record: Record) -> int | None:
        container = self.docker.containers(self.service)[record.number]
        return None if container.running else container.exit_code

    def _give_up(self, record: Record, error: BaseException) -> None:
        """Take the new container away again, showing what it last said."""
        if record.number in self.docker.containers(self.service):
            logs = self.docker.logs(record.container).rstrip()
            print(f"Last lines of {record.container}:\n{logs}", file=sys.stderr)
            self.docker.stop_and_remove(record.container, grace=record.desired.stop_seconds)
        shutil.rmtree(self.records.secrets_folder(record.number), ignore_errors=True)
        self._close(record, "failed", note=str(error))

    def _retire(self, live: Record) -> None:
        if live.number not in self.docker.containers(self.service):
            return
        with self.story.step(f"Drain and stop {live.container}"):
            wait_until_drained(live.host_port, live.desired.drain_seconds)
            self.docker.stop_and_remove(live.container, grace=live.desired.stop_seconds)
            shutil.rmtree(self.records.secrets_folder(live.number), ignore_errors=True)
        self.records.save(dataclasses.replace(live, outcome="replaced"))

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
        for record in records:
            if record not in kept:
                self.records.delete(record.number)
            if record.desired.image not in images and self.docker.has_image(record.desired.image):
                self.docker.remove_image(record.desired.image)


def wait_until_healthy(
    health: Health,
    *,
    probe: Callable[[], str],
    alive: Callable[[], int | None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once `probe` says "" for `stable_seconds` on end; raise ReleaseError otherwise.

    `probe` tells what is wrong, or "". `alive` gives the exit code of a container that ended.
    """
    deadline = now() + health.deadline_seconds
    healthy_since: float | None = None
    while True:
        code = alive()
        if code is not None:
            raise ReleaseError(f"the new container ended with exit code {code}")
        wrong = probe()
        if wrong:
            healthy_since = None
        elif healthy_since is None:
            healthy_since = now()
        if healthy_since is not None and now() - healthy_since >= health.stable_seconds:
            return
        if now() >= deadline:
            raise ReleaseError(
                f"{health.path} was not healthy for {health.stable_seconds:g} s within "
                f"{health.deadline_seconds:g} s; last answer: {wrong or 'healthy, but too short'}"
            )
        sleep(0.2)


def probe(port: int, path: str) -> str:
    """Ask the container for its health: "" if it answers 200, else what it did."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return "" if answer.status == 200 else f"HTTP {answer.status}"  # noqa: PLR2004
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))


def wait_until_drained(port: int, seconds: float) -> None:
    """Return once no connection to the port is open, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and open_connections(port):
        time.sleep(0.1)


def open_connections(port: int) -> int:
    """Count the established TCP connections to a loopback port (proc(5), /proc/net/tcp)."""
    established, remote = "01", f"0100007F:{port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[2] == remote and row[3] == established)


# --- the command ---------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(state: Path, service: str, *, by: str, seconds: float) -> Iterator[None]:
    """Hold the service's lock; it goes with the process, however that ends."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with (state / f"{service}.lock").open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "another run"
                if time.monotonic() >= deadline:
                    raise ReleaseError(
                        f"{holder} is releasing {service} and did not end within {seconds:g} s; "
                        "try again when it has"
                    ) from None
                print(f"Wait for {holder}, which is releasing {service}...", file=sys.stderr)
                time.sleep(2)
        file.truncate(0)
        file.write(f"{by} (process {os.getpid()}, {time.strftime('%H:%M:%S')})")
        file.flush()
        yield


def detached(work: Callable[[], int]) -> int:
    """Do the work in a process that outlives this one; show its output and give its status.

    When the SSH connection is cut, the release goes on to its end; the next run finds its result.
    """
    output = tempfile.TemporaryFile()  # noqa: SIM115 - shared with the child
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.dup2(output.fileno(), 2)
        status = 1
        try:
            status = work()
        finally:
            sys.stderr.flush()
            os._exit(status)
    shown = 0
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        text = os.pread(output.fileno(), 1 << 20, shown)
        shown += len(text)
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.buffer.write(text)
            sys.stderr.flush()
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.1)


def result(record: Record) -> dict[str, Any]:
    """Say in public what a record holds: no environment, no secret."""
    return {
        "release": record.number,
        "service": record.desired.service,
        "image": record.desired.image,
        "fingerprint": record.desired.fingerprint,
        "outcome": record.outcome,
        "by": record.by,
        "at": record.at,
        "seconds": record.seconds,
        "note": record.note,
    }


def who() -> str:
    """Name who runs this: the login behind sudo, and where it came from."""
    login = os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"
    return f"{login} from {os.environ.get('SSH_CLIENT', 'this host').split()[0]}"


def make(service: str, work: Callable[[Releases], Record]) -> int:
    """Run `work` under the lock, in a process that outlives the connection; print its result."""
    reader, writer = os.pipe()

    def locked_work() -> int:
        os.close(reader)
        try:
            with locked(STATE, service, by=who(), seconds=LOCK_SECONDS):
                record = work(releases_of(service))
        except ReleaseError as error:
            print(f"Release failed: {error}", file=sys.stderr)
            return 1
        os.write(writer, json.dumps(result(record), sort_keys=True).encode())
        return 0

    status = detached(locked_work)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    if status == 0:
        print(said)
    return status


def releases_of(service: str) -> Releases:
    return Releases(service, docker=Docker(), proxy=Proxy(), records=Records(STATE, service))


def history(service: str) -> list[dict[str, Any]]:
    return [result(record) for record in Records(STATE, service).all()]


def status(service: str) -> dict[str, Any]:
    """Tell what is live, and whether it really runs."""
    releases = releases_of(service)
    number = releases.proxy.live(service)
    container = releases.docker.containers(service).get(number or 0)
    record = releases.records.get(number) if number else None
    return {
        "live": result(record) if record else None,
        "running": bool(container and container.running),
        "site": bool(record and releases.proxy.leads_to(record)),
    }


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="auth-release", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("apply", help="make the desired state on stdin the running one")
    for name, text in (
        ("rollback", "run an earlier release again, with its configuration"),
        ("history", "list the releases, newest first"),
        ("status", "tell what is live"),
        ("logs", "show the live container's log"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("service")
        if name == "rollback":
            command.add_argument("--to", type=int, help="number of the release; default: the last")
        if name == "logs":
            command.add_argument("--lines", type=int, default=100)
    arguments = parser.parse_args(argv)
    try:
        return dispatch(arguments)
    except ReleaseError as error:
        print(f"Release failed: {error}", file=sys.stderr)
        return 1


def dispatch(arguments: argparse.Namespace) -> int:
    if arguments.command == "apply":
        desired = Desired.parse(sys.stdin.read())
        return make(desired.service, lambda releases: releases.apply(desired, by=who()))
    service = arguments.service
    if arguments.command == "rollback":
        return make(service, lambda releases: releases.rollback(arguments.to, by=who()))
    if arguments.command == "history":
        print("\n".join(json.dumps(row) for row in history(service)))
        return 0
    if arguments.command == "status":
        print(json.dumps(status(service)))
        return 0
    number = Proxy().live(service)
    if number is None:
        raise ReleaseError(f"no release of {service} is live on this host")
    print(Docker().logs(f"{service}-{number}", arguments.lines), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
