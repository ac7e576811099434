"""The Python environment of other requirements is another; a process knows its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.progress import StepError
from toolchain import venv

ROOT = Path(__file__).parents[3]


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    for name in (venv.INSTALLER, *venv.PACKAGES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("package==1\n")
    return tmp_path


def test_two_clones_with_the_same_pins_share_an_environment(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name in (venv.INSTALLER, *venv.PACKAGES):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_bytes((clone / name).read_bytes())

    assert venv.key(clone) == venv.key(other)


@pytest.mark.parametrize("name", [venv.INSTALLER, *venv.PACKAGES])
def test_a_changed_pin_in_any_file_asks_for_another_environment(clone: Path, name: str) -> None:
    before = venv.key(clone)

    (clone / name).write_text("package==2\n")

    assert venv.key(clone) != before


def test_a_process_of_the_environment_knows_it_through_the_link(tmp_path: Path) -> None:
    home = tmp_path / "cache" / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (tmp_path / ".venv").symlink_to(home)
    script = (
        "import sys; from pathlib import Path; from toolchain import venv; "
        "print(venv.inside(Path(sys.argv[1])))"
    )

    def ask(python: Path) -> str:
        return subprocess.run(
            [python, "-c", script, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert ask(tmp_path / ".venv" / "bin" / "python") == "True", "or it would start itself for ever"
    assert ask(Path(sys.executable)) == "False"


def test_an_environment_of_the_users_own_is_not_touched(clone: Path) -> None:
    (clone / ".venv").mkdir()

    with pytest.raises(StepError, match="Move it away"):
        venv._link(clone / ".venv", clone / "target")

    assert (clone / ".venv").is_dir()
