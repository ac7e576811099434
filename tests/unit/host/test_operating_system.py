"""The security updates that wait, the reboot for them, and its window."""

import os
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import asking, interventions, operating_system, upgrades
from host.auth_release.callers import Caller
from host.auth_release.errors import ReleaseError
from host.auth_release.progress import Progress
from tests.unit.host.fakes import desired
from tests.unit.host.test_proxy import record

# as apt-get prints them on Ubuntu and on Debian
SIMULATION = """\
Inst libc6 [2.39-0ubuntu8.1] (2.39-0ubuntu8.3 Ubuntu:24.04/noble-updates, \
Ubuntu:24.04/noble-security [arm64])
Inst linux-image-6.8.0-45-generic (6.8.0-45.45 Ubuntu:24.04/noble-security [arm64])
Inst vim-tiny [1] (2 Ubuntu:24.04/noble-updates [arm64])
Inst openssl [3.0.1] (3.0.2 Debian-Security:12/stable-security [amd64]) []
Inst auth-security [1] (2 Debian:12.5/stable [all])
Conf libc6 (2.39-0ubuntu8.3 Ubuntu:24.04/noble-security [arm64])
"""


def state(**changes: Any) -> dict[str, Any]:
    return {
        "security_updates": [],
        "upgrade_failed": False,
        "reboot_required": False,
        "reboot_window": "",
        **changes,
    }


def test_only_updates_of_an_archive_of_security_updates_count() -> None:
    assert list(operating_system.simulated_security_updates(SIMULATION)) == [
        "libc6",
        "linux-image-6.8.0-45-generic",
        "openssl",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "no security update waits"),
        ({"security_updates": ["openssl"]}, "1 security update waits"),
        ({"security_updates": ["libc6", "openssl"]}, "2 security updates wait"),
        (
            {"reboot_required": True, "reboot_window": "Sun 03:00-05:00 UTC"},
            "no security update waits; a reboot waits for Sun 03:00-05:00 UTC",
        ),
        (
            {"reboot_required": True},
            "no security update waits; a reboot waits for `make os-upgrade REBOOT=1`",
        ),
        (
            {"upgrade_failed": True},
            (
                "no security update waits; the last upgrade failed, "
                "see: journalctl -u apt-daily-upgrade"
            ),
        ),
    ],
)
def test_a_line_of_the_status_names_what_waits(changes: dict[str, Any], line: str) -> None:
    assert operating_system.line(state(**changes)) == line


@pytest.fixture(name="programs")
def _programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the only programs that the host has."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in ("apt-get", "unattended-upgrade", "docker"):
        program(tmp_path, name, "true")
    program(tmp_path, "dpkg-query", f"cat {tmp_path}/versions")
    (tmp_path / "versions").write_text("openssl 1\n")
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def upgrade(monkeypatch: pytest.MonkeyPatch, problem: str | None = None) -> dict[str, Any]:
    notes: list[str] = []
    monkeypatch.setattr(upgrades, "live_releases", lambda _: [record(7)])
    monkeypatch.setattr(asking, "through_proxy", lambda _: problem)
    monkeypatch.setattr(
        interventions, "note_on_each", lambda *arguments: notes.append(arguments[-1])
    )
    monkeypatch.setattr(operating_system, "state", state)
    caller = Caller(person="ann", login="ubuntu")
    service = desired().service
    return {
        **upgrades.upgrade([service], caller, Progress(lambda _: None)),
        "notes": notes,
    }


def test_an_upgrade_lists_the_packages_and_is_noted(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "unattended-upgrade", f"printf 'openssl 2\\nzlib 1\\n' > {programs}/versions")

    result = upgrade(monkeypatch)

    assert result["upgraded"] == [
        {"package": "openssl", "former": "1", "version": "2"},
        {"package": "zlib", "former": "", "version": "1"},
    ]
    assert result["notes"] == ["upgraded openssl 2, zlib 1"]


@pytest.mark.usefixtures("programs")
def test_an_upgrade_without_an_update_is_no_intervention(monkeypatch: pytest.MonkeyPatch) -> None:
    result = upgrade(monkeypatch)

    assert result["upgraded"] == []
    assert result["notes"] == []


def test_another_process_that_has_a_lock_of_apts_is_waited_for(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"
    program(
        programs,
        "apt-get",
        f"[ -e {programs}/tried ] && exit; touch {programs}/tried; echo '{message}' >&2; exit 100",
    )

    assert upgrade(monkeypatch)["upgraded"] == []


def test_lists_that_cant_be_fetched_end_the_upgrade(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "apt-get", "echo 'E: Failed to fetch http://archive.test' >&2; exit 100")
    program(programs, "unattended-upgrade", f"touch {programs}/upgraded")

    with pytest.raises(ReleaseError, match="Failed to fetch"):
        upgrade(monkeypatch)

    assert not (programs / "upgraded").exists()


def test_a_service_without_an_answer_fails_the_upgrade(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "unattended-upgrade", f"echo openssl 2 > {programs}/versions")
    monkeypatch.setattr(upgrades, "_HEALTHY_SECONDS", 0)

    with pytest.raises(ReleaseError, match="after the upgrade, auth gives HTTP 502"):
        upgrade(monkeypatch, problem="HTTP 502")


@pytest.fixture(name="etc")
def _etc(programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the settings, and of the calls of systemctl."""
    program(programs, "systemctl", f'echo "$@" >> {programs}/calls')
    monkeypatch.setattr(operating_system, "_SOURCES", (programs / "lists",))
    for name in ("_SYSTEMD", "_APT", "_WINDOW", "_ANSWER"):
        path = getattr(operating_system, name)
        monkeypatch.setattr(operating_system, name, programs / path.relative_to("/"))
    return programs


@pytest.mark.parametrize(
    ("window", "calendar", "seconds"),
    [
        ("Sun 03:00-05:00 UTC", "Sun *-*-* 03:00:00 UTC", 7200),
        ("daily 22:30-23:15 UTC", "*-*-* 22:30:00 UTC", 2700),
    ],
)
def test_a_reboot_begins_in_the_window_and_gives_up_at_its_end(
    etc: Path, window: str, calendar: str, seconds: int
) -> None:
    operating_system.configure(window)

    units = etc / "etc" / "systemd" / "system"
    assert f"OnCalendar={calendar}\n" in (units / "auth-reboot.timer").read_text()
    assert f"os reboot --patience {seconds}\n" in (units / "auth-reboot.service").read_text()
    assert "restart auth-reboot.timer" in (etc / "calls").read_text()
    assert operating_system.state()["reboot_window"] == window


def test_the_same_settings_again_touch_no_unit(etc: Path) -> None:
    operating_system.configure("Sun 03:00-05:00 UTC")
    (etc / "calls").unlink()

    operating_system.configure("Sun 03:00-05:00 UTC")

    assert not (etc / "calls").exists()


def test_a_window_that_was_not_put_in_force_is_the_next_time(etc: Path) -> None:
    program(etc, "systemctl", '[ "$1" != restart ]')
    with pytest.raises(ReleaseError, match="systemctl restart"):
        operating_system.configure("Sun 03:00-05:00 UTC")
    program(etc, "systemctl", f'echo "$@" >> {etc}/calls')

    operating_system.configure("Sun 03:00-05:00 UTC")

    assert "restart auth-reboot.timer" in (etc / "calls").read_text()


def test_without_a_window_nothing_reboots_the_host(etc: Path) -> None:
    operating_system.configure("Sun 03:00-05:00 UTC")

    operating_system.configure("")

    assert not (etc / "etc" / "systemd" / "system" / "auth-reboot.timer").exists()
    assert "disable --quiet --now auth-reboot.timer" in (etc / "calls").read_text()
    assert operating_system.state()["reboot_window"] == ""


def test_apt_is_asked_again_only_after_a_change_of_its_lists(etc: Path) -> None:
    def answer(package: str) -> list[str]:
        program(etc, "apt-get", f"echo 'Inst {package} [1] (2 Debian-Security:12/stable-security)'")
        return operating_system.security_updates()

    (etc / "lists").touch()
    assert answer("openssl") == ["openssl"]
    assert answer("zlib") == ["openssl"]

    os.utime(etc / "lists", (1, 1))
    assert answer("zlib") == ["zlib"]
