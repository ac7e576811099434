"""A process is known by its start as well as by its number."""

import os
import subprocess
import sys

from common import processes


def test_a_process_is_known_by_its_start_as_well_as_by_its_number() -> None:
    own = processes.started_at(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert own is not None
        assert processes.started_at(child.pid) not in {None, own}
    finally:
        child.kill()
        child.communicate()
    assert processes.started_at(child.pid) is None
