"""A Docker engine: the running one, else the installed one started, else one installed."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from toolchain import cache, root, story

_START_SECONDS = 60
_STOP_SECONDS = 30
_NOT_ALLOWED = "permission denied"


def ensure() -> None:
    """Return when a Docker engine answers; raise StepError with the way out."""
    answer = ask()
    if answer == "":
        return
    if _NOT_ALLOWED in answer.lower():
        raise story.StepError(
            "Docker runs, but this user may not use it. Run `sudo usermod -aG docker $USER`, log "
            "in again, then try again."
        )
    if os.environ.get("DOCKER_HOST"):
        raise story.StepError(
            f"DOCKER_HOST is {os.environ['DOCKER_HOST']!r}, and no engine answers there: {answer} "
            "Start that engine, or unset DOCKER_HOST to use one on this machine."
        )
    if not shutil.which("dockerd"):
        with story.step("Install Docker"):
            root.install("docker.io", "iptables", log=_log("docker-install"))
        if ask() == "":  # the package starts it where there is a service manager
            return
    with story.step("Start Docker"):
        _start()


def ask() -> str:
    """Ask the engine for its version: "" if it answers, else what the client says."""
    if not shutil.which("docker"):
        return "there is no docker client on PATH"
    result = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "" if result.returncode == 0 else (result.stderr.strip() or "no answer")


def stop_if_ours() -> None:
    """Stop the engine that `ensure` started by hand, unless containers still live in it."""
    pid = _our_pid()
    if pid is None:
        _record().unlink(missing_ok=True)
        return
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet"], capture_output=True, text=True, check=False
    )
    if listed.returncode != 0 or listed.stdout.strip():
        return
    with story.step("Stop Docker, which was started for this"):
        subprocess.run(root.command("kill", "-TERM", str(pid)), check=True)
        deadline = time.monotonic() + _STOP_SECONDS
        while _our_pid() is not None:
            if time.monotonic() > deadline:
                raise story.StepError(
                    f"Docker (process {pid}) did not stop within {_STOP_SECONDS} s. "
                    f"See {_log('dockerd')}."
                )
            time.sleep(0.2)
        _record().unlink(missing_ok=True)


def _start() -> None:
    if Path("/run/systemd/system").is_dir():
        story.run(
            *root.command("systemctl", "start", "docker.service"),
            log=_log("docker-start"),
            remedy="See: journalctl --unit docker",
        )
        process = None
    else:
        log = _log("dockerd")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as file:
            # a session of its own: Ctrl-C here must not reach it
            process = subprocess.Popen(
                root.command("dockerd"),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _record().write_text(json.dumps({"pid": process.pid, "started": started_at(process.pid)}))
    deadline = time.monotonic() + _START_SECONDS
    while (answer := ask()) != "":
        if (process and process.poll() is not None) or time.monotonic() > deadline:
            raise story.StepError(f"Docker does not start: {answer} {_last_lines()}")
        time.sleep(0.3)


def _our_pid() -> int | None:
    try:
        record = json.loads(_record().read_text())
    except (FileNotFoundError, ValueError):
        return None
    return record["pid"] if started_at(record["pid"]) == record["started"] is not None else None


def started_at(pid: int) -> str | None:
    """Give a process's start time, in the kernel's ticks: with it, a pid names one process.

    None if there is no such process, or only its corpse (proc(5), /proc/pid/stat).
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _record() -> Path:
    return cache.folder() / "dockerd.json"


def _log(name: str) -> Path:
    return cache.folder() / "log" / f"{name}.log"


def _last_lines() -> str:
    log = _log("dockerd")
    lines = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
    return "\n".join([f"Its log ({log}) ends with:", *(f"    {line}" for line in lines)])
