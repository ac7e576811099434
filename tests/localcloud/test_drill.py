"""The parts of a drill: real Litestream, the emulator's Object Storage, and a real HTTP server."""

import dataclasses
import http.server
import threading
from collections.abc import Iterator

import pytest

from host.auth_release import backup as continuous
from host.auth_release import copies, proof
from host.auth_release.backup import Backup
from host.auth_release.bucket import Bucket
from host.auth_release.copies import Copy
from host.auth_release.errors import ReleaseError
from host.auth_release.progress import Progress
from stack import drill
from stack.drill import DrillError
from stack.errors import StackError
from tests.localcloud.copying import Systemd, register


def elsewhere(backup: Backup) -> Backup:
    return dataclasses.replace(backup, prefix=f"{backup.prefix}-local/auth")


def test_a_timeline_is_whole_in_the_bucket_of_the_local_stack(
    backup: Backup, systemd: Systemd
) -> None:
    register(backup, "ada", "grace")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    (timeline,) = copies.listed(backup)

    drill.transfer(backup, elsewhere(backup), timeline)
    systemd.kill()

    report = proof.prove(elsewhere(backup), timeline.name, Progress(print))
    assert report["rows"] == {"accounts": 2}


def test_a_whole_copy_is_in_the_bucket_of_the_local_stack_with_its_description(
    backup: Backup,
) -> None:
    register(backup, "ada")
    copy = copies.take(backup, "whole", by="ada")

    drill.transfer(backup, elsewhere(backup), copy)

    assert copies.listed(elsewhere(backup)) == [copy]


def test_a_timeline_that_is_compacted_meanwhile_is_fetched_as_it_is_then(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Litestream puts a large object in the place of small objects, which it deletes."""
    folder = f"{backup.prefix}/timelines/20261127T000000Z-aaaa"
    for name in ("1", "2"):
        backup.objects.put(f"{folder}/{name}", b"small")
    (timeline,) = copies.listed(backup)
    download = Bucket.download

    def compacted(bucket: Bucket, key: str, path: object) -> None:
        if key.endswith("/2"):
            backup.objects.put(f"{folder}/1-2", b"large")
            bucket._call("DELETE", key)
        download(bucket, key, path)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "download", compacted)
    target = elsewhere(backup)
    drill.transfer(backup, target, timeline)

    stored = target.objects.list(target.prefix)
    assert {each.key.rpartition("/")[2] for each in stored} == {"1", "1-2"}


def test_a_bucket_that_denies_is_the_reason_of_a_failed_drill(backup: Backup) -> None:
    copy = Copy(name="whole", begin="", end="", size=0, is_timeline=False)
    gone = dataclasses.replace(backup, bucket="gone")

    with pytest.raises(ReleaseError, match="the bucket does not exist"):
        drill.transfer(gone, elsewhere(backup), copy)


def test_rows_that_are_not_those_of_the_description_fail_the_drill() -> None:
    copy = Copy(name="c", begin="", end="", size=0, is_timeline=False, rows={"accounts": 3})

    with pytest.raises(DrillError, match=r"c has \{'accounts': 2\} once it is restored"):
        drill.compare(copy, {"accounts": 2})
    drill.compare(copy, {"accounts": 3})


class Login(http.server.BaseHTTPRequestHandler):
    """Lets a single password in."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200 if b"a horse" in body else 401)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(name="login")
def _login() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Login)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_account_that_can_not_sign_in_fails_the_drill(login: str) -> None:
    drill.sign_in(login, "drill@example.test", "a horse")

    with pytest.raises(DrillError, match=r"drill@example.test can't sign in .*HTTP 401"):
        drill.sign_in(login, "drill@example.test", "another")


def test_a_stack_without_a_bucket_has_nothing_to_drill() -> None:
    with pytest.raises(StackError, match="auth:backupBucket is not set"):
        drill.backup_of("dev", {})
