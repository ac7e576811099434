"""Upgrades of the operating system, and the reboots for them, at night and by hand.

The caller holds the release lock of each service: Docker's own upgrade stops its engine for
seconds, and a reboot ends everything. The containers run on while Docker's engine is stopped.
"""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import asking, interventions, operating_system
from .callers import Caller
from .errors import ReleaseError
from .programs import run, succeeds
from .progress import Progress
from .records import STATE
from .routes import live_releases

_LOCK_SECONDS = 600
_UPDATE_SECONDS = 600
_UPGRADE_SECONDS = 3000
_HEALTHY_SECONDS = 120
_SHUTDOWN_SECONDS = 300
# the words of apt-get and of unattended-upgrade
_LOCKED = re.compile(r"could not get lock|lock could not be acquired|unable to lock", re.IGNORECASE)


def upgrade(services: Sequence[str], caller: Caller, progress: Progress) -> dict[str, Any]:
    """Install the security updates; return the upgraded packages and the rest, as JSON's values.

    Raises ReleaseError if an installation fails, or if a service gives no answer afterwards.
    """
    with progress.step("Fetch the lists of packages"):
        _fetch_lists()
    former = _versions()
    try:
        with progress.step("Install the security updates"):
            _with_apt_lock("unattended-upgrade", "--verbose", seconds=_UPGRADE_SECONDS)
    finally:
        upgraded = _changes(former, _versions())
        if upgraded:
            packages = ", ".join(f"{each['package']} {each['version']}" for each in upgraded)
            interventions.note_on_each(STATE, services, caller, f"upgraded {packages}")
            with progress.step("Ask the services"):
                _check()
    return {"upgraded": upgraded, "seconds": progress.seconds, **operating_system.state()}


def announce_reboot(services: Sequence[str], caller: Caller) -> dict[str, Any]:
    """Note the reboot at each service; return its reasons, as JSON's values."""
    reasons = operating_system.reboot_reasons()
    interventions.note_on_each(
        STATE, services, caller, f"rebooted for {', '.join(reasons) or 'no package'}"
    )
    return {"reasons": reasons}


def reboot() -> None:
    """Reboot this host; return only if it does not go down.

    The process keeps the release locks until its end, so that no release begins.
    """
    run("systemctl", "reboot")
    time.sleep(_SHUTDOWN_SECONDS)
    raise ReleaseError(f"this host did not go down within {_SHUTDOWN_SECONDS} s")


def _fetch_lists() -> None:
    # without the option a source that can't be reached is a mere warning
    update = ("apt-get", "--quiet=2", "--option", "APT::Update::Error-Mode=any", "update")
    try:
        _with_apt_lock(*update, seconds=_UPDATE_SECONDS)
    except ReleaseError as error:
        raise ReleaseError(f"the lists of packages can't be fetched: {error}") from None


def _with_apt_lock(*argv: str, seconds: float) -> None:
    """Run a command that takes apt's locks, as soon as other processes have let go of them."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            run(*argv, timeout=seconds, env={"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
        except ReleaseError as error:
            if not _LOCKED.search(str(error)) or time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def _versions() -> dict[str, str]:
    """Return the versions of the installed packages."""
    text = run("dpkg-query", "--show", "--showformat=${binary:Package} ${Version}\n")
    return dict(line.split(" ", 1) for line in text.splitlines())


def _changes(former: Mapping[str, str], present: Mapping[str, str]) -> list[dict[str, str]]:
    """List the packages with another version than before; a new package has no former version."""
    return [
        {"package": name, "former": former.get(name, ""), "version": version}
        for name, version in sorted(present.items())
        if former.get(name, "") != version
    ]


def _check() -> None:
    """Wait until Docker and each live service answer; raise ReleaseError with the problems."""
    deadline = time.monotonic() + _HEALTHY_SECONDS
    while problems := _problems():
        if time.monotonic() > deadline:
            raise ReleaseError(f"after the upgrade, {'; '.join(problems)}")
        time.sleep(1)


def _problems() -> list[str]:
    silent = [] if succeeds("docker", "info") else ["Docker does not answer"]
    return silent + [
        f"{live.desired.service} gives {problem}"
        for live in live_releases(STATE)
        if (problem := asking.through_proxy(live.desired))
    ]
