"""A program that the engine interrupts shows no traceback; an error of its own still does."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stderr_of(error: str) -> str:
    script = f"from components import interruption; interruption.end_quietly(); raise {error}"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr


def test_an_interruption_shows_no_traceback() -> None:
    assert stderr_of("KeyboardInterrupt") == ""


def test_an_error_still_shows_its_traceback() -> None:
    assert "Traceback" in stderr_of("ValueError('a bug')")
