import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common import root

# as apt does, it refuses while another apt updates
_APT = """\
#!/bin/sh
case "$*" in *update*)
  mkdir "$0.busy" || exit 100
  sleep 0.2
  rmdir "$0.busy"
esac
"""


def test_two_at_once_don_t_meet_in_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(_APT)
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(root, "command", lambda *argv: list(argv))

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(root.install, "wrk", log=tmp_path / str(one)) for one in range(2)]

    assert [one.result() for one in done] == [None, None]
