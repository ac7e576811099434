"""The report of `make os-upgrade`."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from stack import alarms, os_upgrade, ssh
from stack.stack import Stack

DOCKER = {"package": "docker.io", "former": "26.1", "version": "26.2"}


def described(**changes: Any) -> list[str]:
    result = {
        "upgraded": [],
        "seconds": 12.5,
        "security_updates": [],
        "reboot_required": False,
        "reboot_window": "",
        "rebooted": None,
        **changes,
    }
    return os_upgrade.described(result, "dev")


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["No security update waits."]),
        (
            {"upgraded": [DOCKER]},
            ["1 package upgraded in 12.5 s.", "  docker.io  26.1 → 26.2"],
        ),
        (
            {"upgraded": [{**DOCKER, "former": ""}], "security_updates": ["openssl"]},
            [
                "1 package upgraded in 12.5 s.",
                "  docker.io  (new) → 26.2",
                "  held back: openssl",
            ],
        ),
        (
            {"reboot_required": True},
            [
                "No security update waits.",
                "A reboot is needed. At once: make os-upgrade REBOOT=1 STACK=dev",
            ],
        ),
        (
            {"reboot_required": True, "reboot_window": "Sun 03:00-05:00 UTC"},
            [
                "No security update waits.",
                (
                    "A reboot is needed. It comes by itself, Sun 03:00-05:00 UTC. At once: "
                    "make os-upgrade REBOOT=1 STACK=dev"
                ),
            ],
        ),
        (
            {"reboot_required": False, "rebooted": 31},
            [
                "No security update waits.",
                "The server rebooted, and answers again after 31 s.",
            ],
        ),
    ],
)
def test_the_report_names_the_packages_and_what_still_waits(
    changes: dict[str, Any], lines: list[str]
) -> None:
    assert described(**changes) == lines


def test_after_a_reboot_the_result_has_the_state_of_the_new_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"booted": "noon", "security_updates": [], "reboot_required": True}

    def act(_: Stack, *words: str, stdin: str) -> tuple[int, str]:
        del stdin
        upgraded = json.dumps({**state, "upgraded": [], "seconds": 1})
        if "reboot" in words:
            state.update(booted="one", reboot_required=False)
        return 0, upgraded

    monkeypatch.setattr(ssh, "result", act)
    monkeypatch.setattr(ssh, "ask", lambda *_, **__: json.dumps(state))
    monkeypatch.setattr(ssh, "report", lambda *_: {"live": None})
    monkeypatch.setattr(alarms, "quiet", lambda *_: contextlib.nullcontext())
    stack = Stack(name="dev", clone=tmp_path, env={})

    assert os_upgrade.run(stack, reboot=True, as_json=True) == 0

    result = json.loads(capsys.readouterr().out)
    assert result["booted"] == "one"
    assert result["reboot_required"] is False
    assert result["rebooted"] is not None
