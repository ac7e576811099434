"""Litestream on the host: taken out of the service's image, which has it packed."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from host.auth_release import backup
from host.auth_release.backup import Backup

PACKED = "/opt/venv/bin/litestream.gz"


@pytest.fixture(name="image")
def _image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in the place of an image, whose Litestream has version 2."""
    image = tmp_path / "image"
    (image / PACKED[1:]).parent.mkdir(parents=True)
    (image / PACKED[1:]).write_bytes(gzip.compress(b"#!/bin/sh\necho v2\n"))

    def run(*argv: str) -> str:
        if argv[:2] == ("docker", "cp"):
            shutil.copy(image / argv[2].removeprefix("container:/"), argv[3])
            return ""
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    monkeypatch.setattr(backup, "PROGRAM", tmp_path / "litestream")
    monkeypatch.setattr(backup, "run", run)
    monkeypatch.setattr(backup, "succeeds", lambda *_: True)
    return image


def settings(version: str) -> Backup:
    return Backup(
        service="auth",
        uid=1,
        database="auth.sqlite",
        counted=(),
        program=PACKED,
        version=version,
        disk="disk",
    )


@pytest.mark.usefixtures("image")
def test_the_host_unpacks_the_program_of_the_image(tmp_path: Path) -> None:
    earlier = tmp_path / "litestream"
    earlier.write_text("#!/bin/sh\necho v1\n")
    earlier.chmod(0o755)

    backup._install(settings("2"), "container")

    assert backup._version() == "2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image", "litestream"]
