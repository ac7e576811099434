"""The person of a release: a workflow's actor, or git's user with the host."""

import getpass
import socket
import subprocess
from pathlib import Path

import pytest

from components.person import current
from host.auth_release.callers import Caller, cleaned


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def set_user(clone: Path, email: str) -> None:
    subprocess.run(["git", "config", "user.email", email], cwd=clone, check=True)


def test_a_workflow_is_run_by_its_actor_and_a_repeated_one_by_the_person_who_repeats_it(
    clone: Path,
) -> None:
    set_user(clone, "bot@example.com")
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "ada", "GITHUB_RUN_ID": "12"}

    assert current(environment, clone) == "ada on GitHub, run 12"
    repeated = {**environment, "GITHUB_TRIGGERING_ACTOR": "grace"}
    assert current(repeated, clone) == "grace on GitHub, run 12"


def test_without_a_workflow_it_is_gits_user_on_this_host(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    set_user(clone, "ann@example.com")

    assert current({"GITHUB_ACTOR": "ada"}, clone) == "ann@example.com on laptop"


def test_without_gits_user_it_is_the_login_on_this_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    monkeypatch.setenv("PATH", "")  # no git

    assert current({}, tmp_path) == "ann on laptop"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ann\nby root", "ann by root"),
        ("\x1b[2Jann", "\\x1b[2Jann"),
        ("  ann\t ", "ann"),
        ("a" * 500, "a" * 120),
        ("\u202eann", "\\u202eann"),
    ],
)
def test_a_name_is_a_short_line_without_control_characters_and_stays_as_it_is(
    name: str, shown: str
) -> None:
    assert cleaned(name) == shown
    assert cleaned(shown) == shown, "an unchanged release would be a change"
    assert Caller.of(name).person == shown
