"""Backups by the release tool's own code: real Litestream, and the emulator's Object Storage."""

import argparse
import contextlib
import dataclasses
import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from common.clone import CLONE
from host.auth_release import backup as continuous
from host.auth_release import backup_commands, callers, copies, history, proof, restore
from host.auth_release.backup import Backup
from host.auth_release.copies import Copy
from host.auth_release.errors import ReleaseError
from host.auth_release.progress import Progress
from host.auth_release.records import Record, Records
from host.auth_release.service_host import ServiceHost
from tests.localcloud.caller import eventually
from tests.localcloud.copying import Systemd, accounts, register

# a kind of block that there is not, after the head of an archive
BROKEN_INSIDE = gzip.compress(b"no database" * 500)[:10] + b"\x07" * 20


@pytest.fixture(name="host")
def _host(systemd: Systemd) -> ServiceHost:
    """Return a host without a live release: the database alone is restored."""
    del systemd
    step: Callable[[str], Any] = lambda _: contextlib.nullcontext()  # noqa: E731
    progress = SimpleNamespace(step=step, show=print)
    return cast(
        "ServiceHost",
        SimpleNamespace(service="auth", live=lambda: None, drift=lambda _: [], progress=progress),
    )


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def lose_the_volume(backup: Backup, systemd: Systemd) -> None:
    systemd.kill()
    for path in sorted(backup.path.parents[1].rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    backup.path.parent.mkdir()


def configure(backup: Backup) -> str:
    document = json.dumps(dataclasses.asdict(backup)).encode()
    return continuous.configure(document, lambda _: "auth-1")[1]


def newest_timeline(backup: Backup) -> str:
    return [copy.name for copy in copies.listed(backup) if copy.is_timeline][-1]


def test_accounts_survive_the_loss_of_the_volume(
    backup: Backup, systemd: Systemd, host: ServiceHost
) -> None:
    register(backup, "ada")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    register(backup, "grace")
    time.sleep(4)  # nobody waits for this account's copy
    lost = newest_timeline(backup)
    lose_the_volume(backup, systemd)
    register(backup)  # a new and empty database, as of a new VM
    continuous.start(backup)

    report = restore.restore(host, at=lost, over=False)

    assert accounts(backup) == ["ada", "grace"]
    assert report["rows"] == {"accounts": 2}
    continuous.wait_for_copy(backup)
    proofs = {copy.name: copy.proof for copy in copies.listed(backup)}
    assert proofs[lost], "the restore is the proof of its copy"


def test_a_restore_puts_no_secret_on_the_data_volume(
    backup: Backup, systemd: Systemd, host: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of a removed file stay, and are in each copy of the volume."""
    register(backup, "ada")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    volume = backup.path.parents[1]
    during: list[bool] = []

    def run(*argv: str, **options: Any) -> str:
        output = systemd.run(*argv, **options)
        files = [path for path in volume.rglob("*") if path.is_file()]
        during.extend(backup.secret_key.encode() in path.read_bytes() for path in files)
        return output

    monkeypatch.setattr(restore, "run", run)
    restore.restore(host, at=newest_timeline(backup), over=True)

    assert during
    assert not any(during)


def test_a_timeline_with_a_broken_end_is_restored_from_an_earlier_moment(
    backup: Backup, systemd: Systemd, host: ServiceHost, capsys: pytest.CaptureFixture[str]
) -> None:
    register(backup, "ada")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    time.sleep(3)
    register(backup, "grace")
    continuous.wait_for_copy(backup)
    timeline = newest_timeline(backup)
    systemd.kill()
    stored = backup.objects.list(f"{backup.prefix}/timelines/{timeline}/")
    newest = max(stored, key=lambda each: each.modified)
    backup.objects.put(newest.key, b"cut off")
    lose_the_volume(backup, systemd)

    report = restore.restore(host, at=timeline, over=False)

    assert accounts(backup) == ["ada"]
    assert report["moment"] < newest.modified
    assert f"the copy {timeline}, {newest.modified} can't be fetched" in capsys.readouterr().out


def test_a_database_on_a_new_volume_has_a_timeline_of_its_own(
    backup: Backup, systemd: Systemd
) -> None:
    """The copying that runs has begun with the changes of the new database already."""
    register(backup, "ada")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    register(backup, "bea")
    continuous.wait_for_copy(backup)
    former = backup.timeline()
    systemd.kill()
    for folder in (backup.path.parent, backup.work):
        shutil.rmtree(folder)
    backup.path.parent.mkdir()
    systemd.run("systemctl", "restart", backup.unit)
    for name in ("hedy", "joan", "mary"):
        register(backup, name)
        time.sleep(1.5)

    assert continuous.start(backup)
    systemd.run("systemctl", "restart", backup.unit)
    continuous.wait_for_copy(backup)

    assert backup.timeline() != former


def test_all_accounts_are_in_a_new_bucket_that_takes_the_place_of_a_lost_one(
    backup: Backup,
    systemd: Systemd,
    host: ServiceHost,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(continuous, "UNIT", tmp_path / "auth-backup@.service")
    monkeypatch.setattr(continuous, "_install", lambda *_: None)
    configure(backup)
    register(backup, "ada")
    systemd.run("systemctl", "restart", backup.unit)
    continuous.wait_for_copy(backup)
    timeline = backup.timeline()
    configure(backup)
    assert backup.timeline() == timeline, "a bucket that has the timeline goes on with it"
    register(backup, "bea")
    continuous.wait_for_copy(backup)
    # some minutes later Litestream's notes lack the beginning
    first, *others = sorted(backup.notes.rglob("*.ltx"))
    assert others
    first.unlink()
    # an empty folder of the bucket, as the emulated cloud has a single bucket
    new = dataclasses.replace(backup, prefix="new/auth")
    monkeypatch.setattr(Backup, "of", lambda _: new)

    assert configure(new) == f"copied to {new.bucket}/new/auth"

    register(new, "grace")
    continuous.wait_for_copy(new)
    copy = newest_timeline(new)
    lose_the_volume(new, systemd)
    restore.restore(host, at=copy, over=False)

    assert accounts(new) == ["ada", "bea", "grace"]


def test_a_moment_in_the_past_is_restored_and_the_present_database_is_kept(
    backup: Backup, host: ServiceHost
) -> None:
    register(backup, "ada")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    time.sleep(2)
    moment = now()
    time.sleep(2)
    register(backup, "mallory")
    continuous.wait_for_copy(backup)

    report = restore.restore(host, at=moment, over=True)

    assert accounts(backup) == ["ada"]
    with contextlib.closing(sqlite3.connect(Path(report["kept"]) / "auth.sqlite")) as kept:
        assert kept.execute("SELECT count(*) FROM accounts").fetchone() == (2,)


def test_data_that_was_read_since_the_copy_needs_no_yes(backup: Backup, host: ServiceHost) -> None:
    """A service that reads, and then dies, leaves files of the time of its first look."""
    register(backup, "ada")
    copies.take(backup, "first", by="ada")
    time.sleep(1.1)  # moments have whole seconds
    look = (
        "import os, sqlite3, sys; "
        "print(sqlite3.connect(sys.argv[1]).execute('SELECT * FROM accounts').fetchall()); "
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", look, str(backup.path)], check=True)

    restore.restore(host, at="first", over=False)

    assert accounts(backup) == ["ada"]


def test_newer_data_is_not_replaced_without_a_yes(backup: Backup, host: ServiceHost) -> None:
    register(backup, "ada")
    continuous.start(backup)
    copies.take(backup, "first", by="ada")
    time.sleep(1.1)  # moments have whole seconds
    register(backup, "grace")

    with pytest.raises(ReleaseError, match=r"2 accounts, and the copy has 1 accounts.*OVER=yes"):
        restore.restore(host, at="first", over=False)

    assert accounts(backup) == ["ada", "grace"]


def test_a_whole_copy_has_a_name_of_its_own_and_is_restored_by_it(
    backup: Backup, host: ServiceHost
) -> None:
    register(backup, "ada")
    copies.take(backup, "before-the-move", by="ada")
    register(backup, "grace")

    with pytest.raises(ReleaseError, match="a copy before-the-move already"):
        copies.take(backup, "before-the-move", by="grace")
    restore.restore(host, at="before-the-move", over=True)

    assert accounts(backup) == ["ada"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "the copy wrong is broken"),
        (BROKEN_INSIDE, "the copy wrong is broken"),
        (gzip.compress(b"no database" * 500), "the database is broken"),
        (gzip.compress(b""), "it has no table accounts"),
    ],
    # an archive has the time in it, and the names of tests are the same in each process
    ids=["no archive", "broken inside", "no database", "foreign"],
)
def test_a_broken_or_foreign_copy_is_refused_and_nothing_is_lost(
    backup: Backup, host: ServiceHost, content: bytes, message: str
) -> None:
    register(backup, "ada")
    copies.take(backup, "wrong", by="ada")
    backup.objects.put(f"{backup.prefix}/copies/wrong.sqlite.gz", content)

    with pytest.raises(ReleaseError, match=message):
        restore.restore(host, at="wrong", over=True)

    assert accounts(backup) == ["ada"]


def test_the_former_database_is_back_if_the_service_does_not_start_on_the_copy(
    backup: Backup, host: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(backup, "ada")
    copies.take(backup, "older", by="ada")
    register(backup, "grace")
    timeline = backup.timeline()

    begin = Backup.begin_timeline

    def never(restored: Backup) -> None:
        begin(restored)
        raise ReleaseError("it does not start")

    monkeypatch.setattr(Backup, "begin_timeline", never)
    with pytest.raises(ReleaseError, match="does not start"):
        restore.restore(host, at="older", over=True)

    assert accounts(backup) == ["ada", "grace"]
    assert backup.timeline() == timeline


def test_a_copy_whose_description_is_broken_is_listed_with_the_others_and_restored(
    backup: Backup, host: ServiceHost
) -> None:
    register(backup, "ada")
    copies.take(backup, "whole", by="ada")
    copies.take(backup, "broken", by="ada")
    backup.objects.put(f"{backup.prefix}/copies/broken.json", b'{"format": 1, "at": 7}')
    backup.objects.put(f"{backup.prefix}/copies/alone.json", b"{}")

    problems = {copy.name: copy.problem for copy in copies.listed(backup)}

    assert problems["whole"] == ""
    assert problems["broken"].endswith("copies/broken.json can't be read")
    assert problems["alone"] == "its database is gone from the bucket"
    restore.restore(host, at="broken", over=True)
    assert accounts(backup) == ["ada"]


def test_a_clock_that_went_back_lets_no_restore_take_accounts_without_a_yes(
    backup: Backup, host: ServiceHost
) -> None:
    register(backup, "ada")
    copies.take(backup, "first", by="ada")
    register(backup, "grace")
    with contextlib.closing(sqlite3.connect(backup.path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    an_hour_ago = time.time() - 3600
    os.utime(backup.path, (an_hour_ago, an_hour_ago))

    with pytest.raises(ReleaseError, match=r"has more than the copy of .*OVER=yes"):
        restore.restore(host, at="first", over=False)

    assert accounts(backup) == ["ada", "grace"]


def test_a_restore_after_the_clock_went_back_keeps_the_database_that_it_replaced(
    backup: Backup, host: ServiceHost
) -> None:
    register(backup, "ada")
    copies.take(backup, "first", by="ada")
    # of restores while the clock was ahead
    for year in (2997, 2998, 2999):
        (backup.work / f"replaced-{year}0101T000000Z").mkdir(parents=True)
    by_hand = backup.work / "replaced-by-hand"
    by_hand.mkdir()
    register(backup, "grace")

    for replaced in (2, 1):  # accounts; the second restore is of the same second
        report = restore.restore(host, at="first", over=True)

        with contextlib.closing(sqlite3.connect(Path(report["kept"]) / "auth.sqlite")) as kept:
            assert kept.execute("SELECT count(*) FROM accounts").fetchone() == (replaced,)
    assert by_hand.exists(), "a folder of a person is gone"


def test_a_timeline_that_began_with_a_clock_ahead_is_found_by_a_moment_in_it(
    backup: Backup,
) -> None:
    backup.objects.put(f"{backup.prefix}/timelines/29990101T000000Z-aaaa/0/1", b"first")
    time.sleep(1.1)  # moments have whole seconds

    (timeline,) = copies.listed(backup)

    assert timeline.begin == timeline.end
    assert restore.chosen([timeline], now()).copy == timeline


def test_a_copy_of_a_clock_ahead_is_not_the_newest_for_ever(backup: Backup) -> None:
    """A drill and a proof take the newest copy."""
    register(backup, "ada")
    copies.take(backup, "ahead", by="ada")
    ahead = {"format": 1, "at": "2999-01-01T00:00:00Z", "rows": {"accounts": 1}}
    backup.objects.put(f"{backup.prefix}/copies/ahead.json", json.dumps(ahead).encode())
    time.sleep(1.1)  # moments have whole seconds
    copies.take(backup, "later", by="ada")

    assert [copy.name for copy in copies.listed(backup)] == ["ahead", "later"]


def test_a_timeline_that_began_with_a_clock_behind_is_found_by_a_moment_in_it() -> None:
    former, present = (
        Copy(name=name, begin=begin, end=end, size=1, is_timeline=True)
        for name, begin, end in (
            ("former", "2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("present", "1970-01-01T00:00:00Z", "2026-11-26T00:00:00Z"),
        )
    )
    for at, expected in (
        ("2026-11-10T00:00:00Z", former),
        ("2026-11-25T00:00:00Z", present),
        ("2026-11-27T00:00:00Z", present),
    ):
        assert restore.chosen([former, present], at).copy == expected, at


def test_a_full_data_volume_ends_a_backup_and_a_restore_and_the_database_stays(
    backup: Backup, host: ServiceHost
) -> None:
    register(backup, "ada")
    with contextlib.closing(sqlite3.connect(backup.path)) as database, database:
        database.execute("CREATE TABLE noise AS SELECT randomblob(600000) AS data")
    copies.take(backup, "whole", by="ada")
    with file_system(backup.work.parent, "1m"):
        with pytest.raises(ReleaseError, match=r"See the free space: df -h"):
            copies.take(backup, "second", by="ada")
        with pytest.raises(ReleaseError, match=r"See the free space: df -h"):
            restore.restore(host, at="whole", over=True)

    assert accounts(backup) == ["ada"]
    assert [copy.name for copy in copies.listed(backup)] == ["whole"]


@contextlib.contextmanager
def file_system(folder: Path, size: str) -> Iterator[None]:
    """Give a folder a file system of its own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.usefixtures("systemd")
@pytest.mark.parametrize("other", ["backup", "restore"])
def test_a_backup_or_restore_beside_another_is_refused(other: str) -> None:
    """They share the folder of drafts: the second would remove the files of the first."""
    parser = argparse.ArgumentParser()
    backup_commands.add_parsers(parser.add_subparsers(), str)
    arguments = parser.parse_args(["backup", "auth"])

    with (
        copies.alone("auth", other),
        pytest.raises(ReleaseError, match=f"a {other} of auth is under way, so no backup"),
    ):
        backup_commands.back_up(arguments, callers.Caller.of("ada"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "other"}, "the bucket does not exist"),
        ({"access_key": "0" * 40}, "the access key is unknown"),
        ({"secret_key": "other"}, "the secret is not the access key's"),
        ({"endpoint": "http://127.0.0.1:9"}, "gives no answer: Connection refused"),
    ],
)
def test_a_bucket_that_is_gone_or_denies_is_named(
    backup: Backup, change: dict[str, str], message: str
) -> None:
    with pytest.raises(ReleaseError, match=message):
        dataclasses.replace(backup.objects, **change).check()


def test_the_status_shows_the_age_of_the_copy_and_that_it_ended(
    backup: Backup, systemd: Systemd
) -> None:
    register(backup, "ada")
    continuous.start(backup)
    continuous.SETTINGS.joinpath("auth.json").touch()
    continuous.wait_for_copy(backup)
    state = continuous.state("auth")
    assert state
    assert state["age_seconds"] <= 10
    assert not state["problem"]

    systemd.kill()

    eventually(
        "the problem",
        lambda: (continuous.state("auth") or {}).get("problem"),
        "the database was not copied since the start",
        seconds=10,
    )


def test_a_new_vm_takes_the_history_of_releases_up_from_the_bucket(
    backup: Backup, systemd: Systemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del systemd
    monkeypatch.setattr(Backup, "is_configured", lambda _: True)
    monkeypatch.setattr(history, "DATA", tmp_path / "new volume")
    monkeypatch.setattr(history, "STATE", tmp_path / "new vm")
    stored = json.loads((CLONE / "tests/unit/host/records/schema-5.json").read_text())["record"]
    former = Records(tmp_path / "state", "auth")
    former.save(Record.read(stored))
    objects = backup.objects
    place = json.dumps({"bucket": vars(objects), "prefixes": {"auth": backup.prefix}}).encode()

    history.take_up(place, show=pytest.fail)  # the first VM of a stack
    history.keep(former, "auth", show=print)
    history.take_up(place, show=print)

    assert Records(tmp_path / "new vm", "auth").next_number() == stored["number"] + 1


def test_a_bucket_that_gives_no_answer_is_named_and_a_new_vm_comes_up(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "DATA", tmp_path / "new volume")
    monkeypatch.setattr(history, "STATE", tmp_path / "new vm")
    objects = dataclasses.replace(backup.objects, endpoint="http://127.0.0.1:9")
    place = json.dumps({"bucket": vars(objects), "prefixes": {"auth": backup.prefix}}).encode()
    shown: list[str] = []

    history.take_up(place, show=shown.append)

    assert "releases begin with 1 again: the bucket auth-backup" in shown[0]


def test_a_proof_checks_the_newest_copy_is_listed_and_changes_nothing(
    backup: Backup, systemd: Systemd
) -> None:
    register(backup, "ada")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    systemd.kill()
    before = backup.path.read_bytes()

    report = proof.prove(backup, "", Progress(print))

    assert report["rows"] == {"accounts": 1}
    (copy,) = copies.listed(backup)
    assert copy.proof
    assert backup.path.read_bytes() == before


def test_a_broken_copy_gets_no_proof(backup: Backup) -> None:
    register(backup, "ada")
    copies.take(backup, "wrong", by="ada")
    key = f"{backup.prefix}/copies/wrong.sqlite.gz"
    backup.objects.put(key, gzip.compress(b"no database" * 500))

    with pytest.raises(ReleaseError, match="the database is broken"):
        proof.prove(backup, "wrong", Progress(print))

    assert [copy.proof for copy in copies.listed(backup)] == [""]


def test_no_moment_outside_of_the_copies_is_taken(backup: Backup, host: ServiceHost) -> None:
    register(backup, "ada")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    for at, message in (
        ("yesterday", "there is no copy 'yesterday'"),
        ("2020-01-01T00:00:00Z", "there is no copy of 2020"),
        ("2999-01-01T00:00:00Z", "is in the future"),
    ):
        with pytest.raises(ReleaseError, match=message):
            restore.restore(host, at=at, over=True)
