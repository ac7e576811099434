"""The commands for the operating system: `auth-release os configure`, `upgrade` and `reboot`."""

import argparse
import json
import syslog
from collections.abc import Callable
from typing import Any, Protocol

from . import operating_system, upgrades
from .callers import Caller
from .progress import Progress
from .records import STATE, Records

# the commands' work, as their failures name it
WORK = {"os": "The upgrade of the operating system"}
_PATIENCE_SECONDS = 120.0
Report = Callable[[str], None]


class UnderLock(Protocol):
    """Runs work under the release locks of services, as `__main__` does."""

    def __call__(
        self,
        services: list[str],
        work: Callable[[Report], None],
        *,
        by: str,
        name: str,
        seconds: float,
    ) -> int:
        """Return the exit status of the work."""


def add_parsers(commands: Any) -> None:
    system = commands.add_parser("os", help="keep the operating system up to date")
    actions = system.add_subparsers(dest="action", required=True)
    actions.add_parser("show", help="print what waits, in JSON")
    configuring = actions.add_parser("configure", help="put the settings of upgrades in force")
    configuring.add_argument(
        "--reboot-window", default="", help="such as `Sun 03:00-05:00 UTC`; default: no reboots"
    )
    for name, text in (
        ("upgrade", "install the security updates"),
        ("reboot", "reboot this host, once no run is under way"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("--by", default="", help="the person, for the records")
        action.add_argument(
            "--patience",
            type=float,
            default=_PATIENCE_SECONDS,
            help="seconds to wait for a run that is under way",
        )


def run(
    arguments: argparse.Namespace,
    caller_of: Callable[[argparse.Namespace], Caller],
    under_lock: UnderLock,
) -> int:
    """Run a command and return its exit status; a result is printed as JSON."""
    if arguments.action == "show":
        print(json.dumps(operating_system.state(), sort_keys=True))
        return 0
    if arguments.action == "configure":
        operating_system.configure(arguments.reboot_window)
        return 0
    services, caller = Records.services(STATE), caller_of(arguments)

    def upgrade(report: Report) -> None:
        answer = upgrades.upgrade(services, caller, Progress(syslog.syslog))
        report(json.dumps(answer, sort_keys=True))

    def reboot(report: Report) -> None:
        report(json.dumps(upgrades.announce_reboot(services, caller)))
        upgrades.reboot()

    work, name, title = {
        "upgrade": (upgrade, "the upgrade of the operating system", "Upgrade"),
        "reboot": (reboot, "the reboot", "Reboot"),
    }[arguments.action]
    return under_lock(
        services, work, by=f"{name}, by {caller}", name=title, seconds=arguments.patience
    )
