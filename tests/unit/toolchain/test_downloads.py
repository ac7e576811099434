"""A failed download is not tried again at once, but after a while."""

import os
import time
from pathlib import Path

import pytest

from toolchain import downloads


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path))


def test_a_failure_is_remembered_for_what_failed_alone() -> None:
    downloads.remember_failure("oci-5.5.0")

    assert downloads.failed_lately("oci-5.5.0")
    assert not downloads.failed_lately("docker-5.2.0")


def test_a_failure_is_forgotten_after_an_hour(tmp_path: Path) -> None:
    downloads.remember_failure("server")
    (stamp,) = (tmp_path / "unreachable").iterdir()
    hours_ago = time.time() - 2 * 3600
    os.utime(stamp, (hours_ago, hours_ago))

    assert not downloads.failed_lately("server")


def test_a_server_that_did_not_answer_lately_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    downloads.remember_failure("server")
    monkeypatch.setattr(downloads, "SERVER", "http://127.0.0.1:1/must-not-be-asked")
    began = time.monotonic()

    assert not downloads.reachable()
    assert time.monotonic() - began < 0.1


def test_asking_for_official_plugins_asks_again() -> None:
    downloads.remember_failure("server")

    downloads.forget_failures()

    assert not downloads.failed_lately("server")
