"""The API server's process: found by its pid file, started detached, stopped by its id alone."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from common import processes
from common.clone import CLONE
from localcloud import code
from localcloud.state.home import API_PORT, Home, HomeError, port_is_free

_START_SECONDS = 30
_STOP_SECONDS = 20
_SHOWN_LOG_LINES = 15
# A proxy that the environment names is for the world, never for this machine's own addresses.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def serve(home: Home) -> None:
    """Run the API server in this process until a signal ends it."""
    # the other commands, which `make up` waits for, start three times as fast without them
    import uvicorn  # noqa: PLC0415

    from localcloud.api.app import create_app  # noqa: PLC0415
    from localcloud.cloud import Cloud  # noqa: PLC0415

    if (pid := running(home)) is not None:
        raise HomeError(f"The API server of {home.path} already runs, as process {pid}.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _pid_file(home).write_text(json.dumps(_identity(os.getpid())), encoding="utf-8")
    configuration = uvicorn.Config(
        create_app(Cloud(home)),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_STOP_SECONDS // 2,
    )
    uvicorn.Server(configuration).run(sockets=_sockets(home))


def _sockets(home: Home) -> list[socket.socket]:
    """Listen at the home's address, and at a socket that the machines reach as a file.

    A machine is a container, and this computer's loopback is not its own.
    """
    by_address = socket.create_server((str(home.address), API_PORT), backlog=2048)
    home.api_socket.parent.mkdir(mode=0o700, exist_ok=True)
    home.api_socket.unlink(missing_ok=True)
    by_file = socket.socket(socket.AF_UNIX)
    # the path of a socket has at most 107 bytes, and a home may lie deeper
    folder = os.open(home.api_socket.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        by_file.bind(f"/proc/self/fd/{folder}/{home.api_socket.name}")
    finally:
        os.close(folder)
    by_file.listen()
    return [by_address, by_file]


def start(home: Home) -> bool:
    """Start the API server; return False if it runs already, with the code of this clone.

    Raises HomeError, with the end of the log, if it does not come up.
    """
    if (report := status(home)) is not None and not is_older(report):
        return False
    stop(home)  # it may run without answering
    if not port_is_free(home.address, API_PORT):
        raise HomeError(
            f"Port {API_PORT} at {home.address} is taken by another program. See "
            f"`ss -ltnp 'sport = :{API_PORT}'`, stop it and try again."
        )
    log = home.path / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud", "serve", "--home", str(home.path)],
            cwd=CLONE,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while status(home) is None:
        if process.poll() is not None:
            raise HomeError(f"The API server ended while starting. {_end_of(log)}")
        if time.monotonic() > deadline:
            process.kill()
            raise HomeError(
                f"The API server did not answer within {_START_SECONDS} s. {_end_of(log)}"
            )
        time.sleep(0.1)
    return True


def stop(home: Home) -> bool:
    """End the API server that the pid file names. Returns whether it ran."""
    pid = running(home)
    _pid_file(home).unlink(missing_ok=True)
    if pid is None:
        return False
    for sent in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, sent)
        deadline = time.monotonic() + _STOP_SECONDS
        while _identity(pid) is not None:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return True
    raise HomeError(f"Process {pid} does not end, not even killed: see `ps -o stat,wchan {pid}`.")


def running(home: Home) -> int | None:
    """Return the API server's process id; None if that process is gone."""
    try:
        identity = json.loads(_pid_file(home).read_text(encoding="utf-8"))
        pid = int(identity["pid"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return pid if _identity(pid) == identity else None


def status(home: Home) -> dict[str, Any] | None:
    """Return the status of this home's API server, or None without an answer."""
    try:
        status_report: dict[str, Any] = json.loads(_control(home, "GET", "status"))
    except (OSError, ValueError):
        return None
    return status_report if status_report.get("home") == str(home.path) else None


def is_older(report: dict[str, Any]) -> bool:
    """Check whether the status is of a server that began with other code, as before a `git pull`.

    Such a server refuses the operations that its code lacks.
    """
    return report.get("code") != code.digest()


def forget(home: Home, ocid: str) -> None:
    """Let the running API server forget a stored resource."""
    try:
        _control(home, "DELETE", f"resources/{urllib.parse.quote(ocid, safe='')}")
    except OSError as error:
        raise HomeError(f"The API server of {home.path} did not forget {ocid}: {error}.") from error


def _control(home: Home, method: str, path: str) -> bytes:
    """Send a request to a control path; raises OSError for a refusal or no answer."""
    token = home.control_token_file.read_text(encoding="utf-8")
    request = urllib.request.Request(  # noqa: S310 - this machine's own address
        f"{home.endpoint}/localcloud/{path}",
        method=method,
        headers={"Authorization": f"Bearer {token}"},
    )
    with _DIRECT.open(request, timeout=10) as answer:
        return bytes(answer.read())


def _identity(pid: int) -> dict[str, Any] | None:
    """Return a process's number, start and boot: together they name no later process."""
    started = processes.started_at(pid)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return None if started is None else {"pid": pid, "started": int(started), "boot": boot}


def _pid_file(home: Home) -> Path:
    return home.path / "server.pid"


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LOG_LINES:]
    return f"Its log {log} ends with:\n" + "\n".join(lines)
