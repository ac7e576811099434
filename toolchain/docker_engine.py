"""A Docker engine: if none runs, it is started; if none is installed, it is installed first."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from common import cache, docker, inotify, processes, progress, root

_START_SECONDS = 60
_STOP_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class StartedEngine:
    """The engine that we started; pid 0 is the service manager's."""

    clone: str
    pid: int
    started: str  # see common/processes.py


def ensure(clone: Path) -> None:
    """Return when a Docker engine answers; raise StepError with the way out.

    An engine that had to be started is `clone`'s to stop again.
    """
    if _missing(docker.engine_problem()):
        with cache.lock(_note()):  # two commands at once must not start two engines
            if _missing(docker.engine_problem()) and not _installed_and_running():
                with progress.step("Start Docker"):
                    _start(clone)
                _allow_many_machines()
    elif os.geteuid() == 0:  # nobody is asked for a password for this alone
        _allow_many_machines()


def stop_if_ours(clone: Path) -> None:
    """Stop the engine that `ensure` started for `clone`, unless containers still live in it."""
    started = _read_note()
    if started is None or started.clone != str(clone):
        return
    if started.pid and started.started != processes.started_at(started.pid):
        _note().unlink()
        return
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet"], capture_output=True, text=True, check=False
    )
    if listed.returncode != 0 or listed.stdout.strip():
        return
    with progress.step("Stop Docker, which was started for this"):
        if started.pid:
            _end(started)
        else:
            # the socket would start it again
            units = ("docker.socket", "docker.service")
            subprocess.run(root.command("systemctl", "stop", *units), check=True)
    _note().unlink()


def _missing(problem: str | None) -> bool:
    """Check whether an engine must be started; raise StepError if that would not help."""
    if problem and "permission denied" in problem.lower():
        raise progress.StepError(
            "Docker runs, but this user may not use it. Run `sudo usermod -aG docker $USER`, log "
            "in again, then try again."
        )
    if problem and os.environ.get("DOCKER_HOST"):
        raise progress.StepError(
            f"DOCKER_HOST is {os.environ['DOCKER_HOST']!r}, and no engine answers there: {problem} "
            "Start that engine, or unset DOCKER_HOST to use an engine on this machine."
        )
    return problem is not None


def _installed_and_running() -> bool:
    """Install Docker if it is not there; return whether its package has started it already."""
    if shutil.which("dockerd", path=_search_path()) and shutil.which("docker"):
        return False
    with progress.step("Install Docker"):
        # newer clients build images by an extension
        root.install("docker.io", "iptables", optional=("docker-buildx",), log=_log("docker-apt"))
    return not _missing(docker.engine_problem())


def _start(clone: Path) -> None:
    process = None
    if Path("/run/systemd/system").is_dir():
        progress.run(
            *root.command("systemctl", "start", "docker.service"),
            log=_log("docker-start"),
            remedy="See: journalctl --unit docker",
        )
        _write_note(StartedEngine(clone=str(clone), pid=0, started=""))
    else:
        process = _start_by_hand(clone, root.command("dockerd"))
    deadline = time.monotonic() + _START_SECONDS
    while (problem := docker.engine_problem()) is not None:
        if (process and process.poll() is not None) or time.monotonic() > deadline:
            log_end = _last_lines(_log("dockerd")) if process else "See: journalctl --unit docker"
            raise progress.StepError(f"Docker does not start: {problem}\n{log_end}")
        time.sleep(0.3)


def _allow_many_machines() -> None:
    """Raise the kernel's limit of inotify instances until the next boot, where it is low.

    A machine over the limit does not boot. A failure here is named where it matters: see
    `shortage` of `localcloud/host.py`.
    """
    if os.environ.get("DOCKER_HOST") or inotify.limit() >= inotify.ENOUGH:
        return
    with progress.step(f"Let more than nine machines run: {inotify.SETTING}, until a reboot"):
        subprocess.run(
            root.command("tee", str(inotify.FILE)),
            input=f"{inotify.RAISED}\n".encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def _start_by_hand(clone: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the engine where there is no service manager; it outlives this command."""
    log = _log("dockerd")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PATH": _search_path()},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            # Ctrl-C must not reach it; sudo knows its user by the session, so that is kept
            start_new_session=os.geteuid() == 0,
            process_group=None if os.geteuid() == 0 else 0,
        )
    started = processes.started_at(process.pid) or ""
    _write_note(StartedEngine(clone=str(clone), pid=process.pid, started=started))
    return process


def _end(engine: StartedEngine) -> None:
    subprocess.run(root.command("kill", "-TERM", str(engine.pid)), check=True)
    deadline = time.monotonic() + _STOP_SECONDS
    while processes.started_at(engine.pid) == engine.started:
        if time.monotonic() > deadline:
            raise progress.StepError(
                f"Docker (process {engine.pid}) did not stop within {_STOP_SECONDS} s. "
                f"See {_log('dockerd')}."
            )
        time.sleep(0.2)


def _search_path() -> str:
    # Debian's users have no sbin on PATH
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _read_note() -> StartedEngine | None:
    try:
        return StartedEngine(**json.loads(_note().read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # no file, or half a file: then the engine is not ours to stop


def _write_note(engine: StartedEngine) -> None:
    _note().write_text(json.dumps(asdict(engine)))


def _note() -> Path:
    return cache.folder() / "dockerd.json"


def _log(name: str) -> Path:
    return cache.folder() / "log" / f"{name}.log"


def _last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
    return "\n".join([f"Its log ({log}) ends with:", *(f"    {line}" for line in lines)])
