"""The routes, as the kernel receives them."""

from pathlib import Path
from typing import Any

import pytest

from host.auth_release import routes


def test_the_kernel_forgets_ended_connections_soon_and_keeps_the_target_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rule after a boot loads the kernel's module, and its settings appear with it."""
    settings = tmp_path / "netfilter"

    def run(*argv: str, **_: Any) -> str:
        if argv[0] == "iptables-restore":
            settings.mkdir()
        return ""

    monkeypatch.setattr(routes, "run", run)
    monkeypatch.setattr(routes, "succeeds", lambda *_: True)
    monkeypatch.setattr(routes, "_SYSCTL", settings)

    routes.Routes(tmp_path).restore()

    written = {path.name: path.read_text() for path in settings.iterdir()}
    assert written == {
        "nf_conntrack_tcp_timeout_time_wait": "1\n",
        "nf_conntrack_tcp_be_liberal": "1\n",
    }
