"""The releases of an earlier VM, as a new VM takes them up from the data volume."""

import json
from pathlib import Path

import pytest

from host.auth_release import history
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import IMAGE, OTHER, Host

SECRETS = {"AUTH_SIGNING_KEY": "hunter3", "AUTH_SMTP_PASSWORD": "hunter4"}


@pytest.fixture(name="data", autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "volume"
    data.mkdir()
    monkeypatch.setattr(history, "DATA", data)
    return data


@pytest.fixture(name="new")
def _new(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a new VM, after two releases on an earlier VM."""
    host.apply(secrets=SECRETS, keep=5)
    host.apply(image=OTHER, secrets=SECRETS, keep=5)
    history.keep(host.records, "auth", show=pytest.fail)
    monkeypatch.setattr(history, "STATE", tmp_path / "new")
    return Host.new(tmp_path / "new")


def test_a_new_vm_numbers_on_and_lists_the_releases_of_the_earlier(new: Host) -> None:
    history.take_up(b"", show=print)

    releases = [(record.number, record.outcome) for record in new.records.all()]
    assert releases == [(2, "replaced"), (1, "replaced")], "none of them runs here"
    assert new.apply(image=OTHER, secrets=SECRETS, keep=5).number == 3


def test_an_earlier_vms_release_runs_again_with_the_live_releases_secrets(new: Host) -> None:
    history.take_up(b"", show=print)
    present = {**SECRETS, "AUTH_SMTP_PASSWORD": "changed since"}
    new.apply(image=OTHER, secrets=present, keep=5)

    restored = new.rollback(1)

    assert restored.desired.image == IMAGE
    assert restored.desired.secrets == present
    assert not restored.lacks, "it is a release of this VM"


def test_a_rollback_names_the_secret_that_nobody_has(new: Host) -> None:
    history.take_up(b"", show=print)
    new.apply(image=OTHER, secrets={"AUTH_SIGNING_KEY": "hunter3"}, keep=5)

    with pytest.raises(ReleaseError, match="live release has no AUTH_SMTP_PASSWORD"):
        new.rollback(1)


def test_the_history_has_no_secret_and_no_hash_of_one(new: Host, data: Path) -> None:
    del new
    (file,) = (data / ".releases").iterdir()
    text = file.read_text()

    assert json.loads(text)["releases"], "the history is empty"
    for secret in ("hunter", "fingerprint"):
        assert secret not in text
    assert file.stat().st_mode & 0o077 == 0, "root alone reads it"


def test_a_host_with_releases_takes_up_no_other(host: Host, new: Host) -> None:
    new.apply(image=IMAGE, secrets=SECRETS, keep=5)

    history.take_up(b"", show=pytest.fail)

    assert [record.number for record in new.records.all()] == [1]
    assert host.records.next_number() == 3


@pytest.mark.parametrize("text", ["", "[]", '{"releases": [{}]}', '{"releases": 7}'])
def test_a_broken_history_is_named_and_the_new_vm_begins_with_release_1(
    new: Host, data: Path, text: str
) -> None:
    (data / ".releases" / "auth.json").write_text(text)
    shown: list[str] = []

    history.take_up(b"", show=shown.append)

    assert "history of auth can't be taken up, so its releases begin with 1" in shown[0]
    assert new.apply(secrets=SECRETS, keep=5).number == 1
