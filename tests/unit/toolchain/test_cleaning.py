"""`make clean` lists the removed files and their owner, and removes nothing without a yes."""

import os
from pathlib import Path

import pytest

from common.clone import STATES
from common.progress import StepError
from toolchain import cleaning

# has one cached image, and the machines that the file lists
DOCKER = """#!/bin/sh
case "$1" in
  version) echo 27 ;;
  ps) cat "{machines}" ;;
  images) echo 0123456789ab ;;
  *) echo "$@" >>"{log}" ;;
esac
"""


@pytest.fixture(name="clone")
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a clone with caches, on a machine whose Docker has no local stack's machines."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    (tmp_path / "machines").touch()
    docker.write_text(DOCKER.format(machines=tmp_path / "machines", log=tmp_path / "log"))
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache" / "engine").mkdir(parents=True)
    (tmp_path / "clone" / ".local").mkdir(parents=True)
    return tmp_path / "clone"


def test_what_goes_is_said_with_whose_it_is(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cleaning.clean(clone, yes=True)

    said = capsys.readouterr().err
    assert said.index(str(clone / ".local")) < said.index("of all clones of this user")
    assert said.index("of all clones of this user") < said.index(str(tmp_path / "cache"))
    assert "1 Docker images" in said
    assert not (tmp_path / "cache").exists()
    assert not (clone / ".local").exists()
    assert (tmp_path / "log").read_text() == "rmi --force 0123456789ab\n"


def test_without_a_terminal_and_a_yes_nothing_goes(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(StepError, match="make clean YES=1"):
            cleaning.clean(clone, yes=False)

    assert (tmp_path / "cache" / "engine").exists()
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("stacks", "commands"),
    [
        ([], "make down"),
        (["local"], "make down"),
        (["local-prod"], "make down STACK=local-prod"),
        (["local", "local-prod"], "make down, make down STACK=local-prod"),
    ],
)
def test_the_local_stacks_that_need_the_caches_are_named_with_their_ends(
    clone: Path, stacks: list[str], commands: str
) -> None:
    states = clone / ".local" / "state" / STATES
    states.mkdir(parents=True)
    for name in stacks:
        (states / f"{name}.json").touch()

    with pytest.raises(StepError) as refusal:
        cleaning.clean(clone, yes=True)

    assert str(refusal.value).endswith(f"first: {commands}")


def test_the_caches_of_a_local_stack_that_is_up_in_another_clone_stay(
    clone: Path, tmp_path: Path
) -> None:
    (tmp_path / "machines").write_text("c0ffee\n")

    with pytest.raises(StepError, match="another clone is up"):
        cleaning.clean(clone, yes=True)

    assert (tmp_path / "cache" / "engine").exists()
