"""The registry's login: its use, and the places where it must not be."""

import contextlib
import dataclasses
import json
import os
from pathlib import Path

import pytest

from host.auth_release import logins
from host.auth_release.desired import Registry
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import IMAGE, OTHER, Host, desired, document
from tests.unit.host.test_stored_formats import FORMS, kept, store

PASSWORD = document()["registry"]["password"]
NEWER = Registry(server="registry.test", username="acme", password="renewed")


def holding(folder: Path, word: str) -> list[str]:
    """Name the files below a folder that hold a word."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if word.encode() in path.read_bytes()]


def test_no_file_holds_the_password_after_releases_and_a_rollback(
    host: Host, tmp_path: Path
) -> None:
    host.apply()
    host.apply(image=OTHER)
    host.docker.images.discard(IMAGE)
    host.rollback(login=NEWER)

    assert holding(tmp_path, document()["secrets"]["AUTH_SIGNING_KEY"]), "nothing was searched"
    assert holding(tmp_path, PASSWORD) == []
    assert holding(tmp_path, NEWER.password) == []


@pytest.mark.parametrize("form", FORMS)
def test_passwords_that_older_tools_left_are_overwritten_by_the_next_release(
    host: Host, tmp_path: Path, form: str
) -> None:
    record = kept(form)["record"]
    record["desired"]["registry"]["password"] = PASSWORD
    store(host, record)
    store(host, '{"desired": 7, "half"', number=2)
    draft = host.records.folder / ".release-000004.json.new"
    draft.write_text(json.dumps(record))
    config = logins.DISK / "auth-release-x" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(PASSWORD)
    left = [host.records.folder / "release-000003.json", draft, config]
    # a file that is gone keeps its bytes on the disk: these see them
    opened = [path.open("rb") for path in left]

    host.apply(image=OTHER)

    assert holding(tmp_path, PASSWORD) == []
    for path, file in zip(left, opened, strict=True):
        assert PASSWORD.encode() not in file.read(), f"{path.name} is still on the disk"
        file.close()
    found = host.records.get(3)
    assert found
    assert found.fingerprint == kept(form)["fingerprint"], "scrubbing changed the release"


def test_a_rollback_whose_image_is_here_wants_no_login(host: Host) -> None:
    host.apply()
    host.apply(image=OTHER)

    assert host.rollback().desired.image == IMAGE


def test_a_rollback_whose_image_is_gone_fetches_it_with_its_callers_login(host: Host) -> None:
    host.apply()
    host.apply(image=OTHER)
    host.docker.images.discard(IMAGE)

    restored = host.rollback(login=NEWER)

    assert restored.desired.image == IMAGE
    assert host.docker.pulled_by[-1] == NEWER


@pytest.mark.parametrize(
    ("login", "remedy"),
    [
        (Registry(server="registry.test", username="acme", password=""), "`make rollback` sends"),
        (
            dataclasses.replace(NEWER, server="other.test"),
            "put auth:imageRepository back to registry.test",
        ),
    ],
)
def test_an_image_that_the_login_can_not_fetch_is_refused_with_the_way_out(
    login: Registry, remedy: str
) -> None:
    with pytest.raises(ReleaseError, match=remedy):
        logins.check(dataclasses.replace(desired(), registry=login))


def sent(text: str) -> Registry | None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as sending:
        sending.write(text)
    with os.fdopen(reader) as stdin:
        return logins.of_caller(stdin)


def test_a_callers_login_is_read_and_nobody_need_send_one() -> None:
    assert sent(json.dumps(dataclasses.asdict(NEWER))) == NEWER
    assert sent("") is None


@pytest.mark.parametrize("text", ["renewed", '{"password": "renewed"}', '["renewed"]'])
def test_a_login_that_can_not_be_read_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ReleaseError, match="login on stdin can't be read") as caught:
        sent(text)

    assert "renewed" not in str(caught.value)


@pytest.mark.usefixtures("host")
def test_docker_has_the_login_in_memory_until_its_pull_ends_however_that_is() -> None:
    with contextlib.suppress(ReleaseError), logins.for_docker("auth", desired().registry) as folder:
        (entry,) = json.loads((folder / "config.json").read_text())["auths"].items()
        assert entry == ("registry.test", {"auth": "YWNtZTpodW50ZXIy"})
        assert (folder.stat().st_mode & 0o777, folder.parent) == (0o700, logins.MEMORY)
        raise ReleaseError("no route")
    assert not folder.exists()


def test_what_a_killed_pull_left_goes_with_the_next_run(host: Host, tmp_path: Path) -> None:
    left = logins.MEMORY / "auth" / "config.json"
    left.parent.mkdir(parents=True)
    left.write_text(PASSWORD)

    host.apply()

    assert holding(tmp_path, PASSWORD) == []


def test_what_is_kept_survives_a_prune_of_all_that_has_no_tag(host: Host) -> None:
    host.apply()
    host.apply(image=OTHER)
    host.docker.prune()

    assert host.rollback().desired.image == IMAGE
    assert len(host.docker.pulled_by) == 2, "it was fetched again"


def test_releases_of_an_older_tool_are_tagged_and_forgotten_ones_are_not(host: Host) -> None:
    images = [f"registry.test/auth@sha256:{digit * 64}" for digit in "abcd"]
    for image in images[:2]:
        host.apply(image=image)
    host.docker.tagged = {7: images[0]}  # of a run that was killed
    host.apply(image=images[2])

    assert host.docker.tagged == {3: images[2], 2: images[1]}
    assert host.docker.images == set(images[1:3])
