"""Docker's answers about containers, while others make and remove them."""

import os
from pathlib import Path

import pytest

from host.auth_release.containers import Docker
from host.auth_release.errors import ReleaseError

# Docker's client, beside a release that ends: the first list still has a container that is gone
_CLIENT = """\
#!/bin/sh
case $1 in
ps) cat "$LISTS"; [ -e "$STAYS" ] || : > "$LISTS" ;;
inspect) echo "Error: No such object: $2" >&2; exit 1 ;;
esac
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    client = tmp_path / "docker"
    client.write_text(_CLIENT)
    client.chmod(0o755)
    (tmp_path / "lists").write_text("4d252da637fe\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LISTS", str(tmp_path / "lists"))
    monkeypatch.setenv("STAYS", str(tmp_path / "stays"))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_container_that_goes_while_it_is_looked_at_is_left_out() -> None:
    assert Docker().containers("auth") == {}


def test_a_container_that_stays_and_can_not_be_looked_at_is_a_failure(folder: Path) -> None:
    (folder / "stays").touch()

    with pytest.raises(ReleaseError, match="No such object"):
        Docker().containers("auth")
