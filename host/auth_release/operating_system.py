"""The operating system: its security updates, and the reboot that some of them need.

Ubuntu's and Debian's own unattended-upgrades installs the updates, from the archive of security
updates. `upgrades` runs it; this module has its settings and the state of the host.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .files import write_atomically, write_changed
from .programs import run, succeeds

REBOOT_REQUIRED = Path("/run/reboot-required")  # packages write both
_REQUIRED_BY = Path("/run/reboot-required.pkgs")
_WINDOW = Path("/etc/auth-os/reboot-window")
_SYSTEMD = Path("/etc/systemd/system")
_APT = Path("/etc/apt/apt.conf.d/52auth-upgrades")
# these change with each update of the lists and with each installation
_SOURCES = (Path("/var/lib/apt/lists"), Path("/var/lib/dpkg/status"))
_ANSWER = Path("/run/auth-release/security-updates.json")
_LIST_SECONDS = 20
_APT_TEXT = """\
// The lists of packages are fetched once a day, and the security updates are installed.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
// auth-reboot.timer reboots, in the configured window alone
Unattended-Upgrade::Automatic-Reboot "false";
// old kernels fill the disk
Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
Unattended-Upgrade::SyslogEnable "true";
// nobody answers a question about a changed file: the present file stays
Dpkg::Options { "--force-confdef"; "--force-confold"; };
"""
DAILY = "apt-daily-upgrade.service"
# The release tool in place of apt's script: a release and an upgrade wait for each other.
_DAILY_TEXT = """\
[Service]
ExecStart=
ExecStart=/usr/local/sbin/auth-release os upgrade --patience 3600
"""
# systemd reboots by force if the stops hang, after 30 minutes without this
_SHUTDOWN = Path("reboot.target.d/auth.conf")
_SHUTDOWN_TEXT = """\
[Unit]
JobTimeoutSec=2min
"""
_REBOOT_TIMER, _REBOOT_SERVICE = "auth-reboot.timer", "auth-reboot.service"


def configure(window: str) -> None:
    """Put the settings in force; `window` is `Sun 03:00-05:00 UTC`, or empty for no reboots."""
    timer = _SYSTEMD / _REBOOT_TIMER
    if timer.exists() and not window:
        run("systemctl", "disable", "--quiet", "--now", _REBOOT_TIMER)
    files = {
        _APT: _APT_TEXT,
        _SYSTEMD / f"{DAILY}.d" / "auth.conf": _DAILY_TEXT,
        _SYSTEMD / _SHUTDOWN: _SHUTDOWN_TEXT,
        _SYSTEMD / _REBOOT_SERVICE: _service_text(window) if window else "",
        timer: _timer_text(window) if window else "",
    }
    changed = [path for path, text in files.items() if _write(path, text)]
    if not changed and _read(_WINDOW) == window:
        return
    run("systemctl", "daemon-reload")
    if window:
        run("systemctl", "enable", "--quiet", _REBOOT_TIMER)
        # a timer that runs keeps its former time
        run("systemctl", "restart", _REBOOT_TIMER)
    # last, so that the same command again finishes one that failed
    _write(_WINDOW, window)


def state() -> dict[str, Any]:
    """Return the waiting security updates and the reboot, as JSON's values.

    The updates are known from the newest lists of packages, which are fetched once a day.
    """
    return {
        "booted": booted(),
        "security_updates": security_updates(),
        "upgrade_failed": succeeds("systemctl", "is-failed", "--quiet", DAILY),
        "reboot_required": REBOOT_REQUIRED.exists(),
        "reboot_window": _read(_WINDOW),
    }


def booted() -> str:
    """Return the time of the last boot, as systemd has it; it differs for each boot."""
    return run("systemctl", "show", "--property=UserspaceTimestamp", "--value").strip()


def line(state: Mapping[str, Any]) -> str:
    """Describe the state for people, such as `3 security updates wait; a reboot waits for …`."""
    count = len(state["security_updates"])
    waiting = f"{count or 'no'} security update{' waits' if count <= 1 else 's wait'}"
    if state["upgrade_failed"]:
        waiting += "; the last upgrade failed, see: journalctl -u apt-daily-upgrade"
    if state["reboot_required"]:
        moment = state["reboot_window"] or "`make os-upgrade REBOOT=1`"
        waiting += f"; a reboot waits for {moment}"
    return waiting


def reboot_reasons() -> list[str]:
    """List the packages that need the reboot; empty without a reason."""
    return sorted(set(_read(_REQUIRED_BY).split()))


def security_updates() -> list[str]:
    """List the packages with a security update in the lists of packages.

    apt takes a second of the processor for the answer. It is kept until the lists or the installed
    packages change.
    """
    key = [path.stat().st_mtime for path in _SOURCES if path.exists()]
    with contextlib.suppress(OSError, ValueError, KeyError):
        answer = json.loads(_ANSWER.read_text())
        if answer["key"] == key:
            return list(answer["packages"])
    simulation = ("apt-get", "--simulate", "--quiet=2", "--with-new-pkgs", "upgrade")
    output = run(*simulation, timeout=_LIST_SECONDS, env={"LC_ALL": "C"})
    packages = sorted(simulated_security_updates(output))
    _ANSWER.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_atomically(_ANSWER, json.dumps({"key": key, "packages": packages}), mode=0o600)
    return packages


def simulated_security_updates(output: str) -> Iterator[str]:
    """List the packages of apt-get's simulation that come from an archive of security updates.

    Ubuntu's archive is `Ubuntu:24.04/noble-security`, Debian's
    `Debian-Security:12/stable-security`; a new package has no version in brackets:

        Inst libc6 [2.39-0ubuntu8.1] (2.39-0ubuntu8.3 Ubuntu:24.04/noble-security [arm64])
    """
    for text in output.splitlines():
        words = text.split()
        if words[:1] == ["Inst"] and "-security" in text.partition("(")[2].lower():
            yield words[1]


def _service_text(window: str) -> str:
    return f"""\
[Unit]
Description=Reboots for the updates that need it
ConditionPathExists={REBOOT_REQUIRED}

[Service]
Type=oneshot
# a release may be under way; after the window the reboot waits for the next window
ExecStart=/usr/local/sbin/auth-release os reboot --patience {60 * _minutes(window)}
KillMode=process
"""


def _timer_text(window: str) -> str:
    day, begin = window.split(maxsplit=1)[0], window.split()[1].partition("-")[0]
    days = "" if day == "daily" else f"{day} "
    return f"""\
[Unit]
Description=The window for reboots

[Timer]
OnCalendar={days}*-*-* {begin}:00 UTC
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def _minutes(window: str) -> int:
    """Return the length of a window in minutes."""
    begin, end = (
        60 * int(hours) + int(minutes)
        for hours, minutes in (moment.split(":") for moment in window.split()[1].split("-"))
    )
    return end - begin


def _write(path: Path, text: str) -> bool:
    """Write a file, or remove it for an empty text; return whether that changed it."""
    if text:
        return write_changed(path, text)
    is_there = path.exists()
    path.unlink(missing_ok=True)
    return is_there


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
