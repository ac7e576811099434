"""The import of the SSH client starts no other program."""

import subprocess
import sys
from pathlib import Path

REPORT = """
import ctypes.util, subprocess, sys
started = []
sys.addaudithook(lambda event, data: started.append(data) if "Popen" in event else None)
from components import ssh_client
search = ctypes.util.find_library
ssh_client.prepare()
assert "asyncssh" in sys.modules
assert ctypes.util.find_library is search
print(len(started))
"""


def test_no_program_is_started() -> None:
    result = subprocess.run(
        [sys.executable, "-c", REPORT],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout == "0\n"
