"""The formats that older and newer versions of the tool store, read by this version.

`records/` keeps a record of each format that ever was, as the tool of that time wrote it, with the
fingerprint in its container's label.
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from host.auth_release.containers import Container
from host.auth_release.desired import Desired, Health
from host.auth_release.documents import SCHEMA, added
from host.auth_release.errors import ReleaseError
from host.auth_release.records import Record
from host.auth_release.releases import Releases
from tests.unit.host.fakes import IMAGE, OTHER, SLOT, Host, desired, document

KEPT = Path(__file__).parent / "records"
FORMS = sorted(path.stem for path in KEPT.glob("*.json"))
NUMBER = 3  # of each record that is kept


def kept(form: str) -> dict[str, Any]:
    return dict(json.loads((KEPT / f"{form}.json").read_text()))


def store(host: Host, record: Any, number: int = NUMBER) -> None:
    text = record if isinstance(record, str) else json.dumps(record)
    host.records.folder.mkdir(parents=True, exist_ok=True)
    (host.records.folder / f"release-{number:06}.json").write_text(text)


def start(host: Host, record: Record, label: str) -> None:
    """Let the release of a record be live, in a container as the tool of that time made it."""
    host.docker.images.add(record.desired.image)
    host.docker.running[record.number] = Container(
        name=record.container,
        running=True,
        exit_code=0,
        restarts=0,
        fingerprint=label,
        image=record.desired.image,
        environment={"PATH": "/bin", **record.desired.variables},
        memory=record.desired.limits.memory_bytes,
        address=record.address,
        host_port=record.host_port,
    )
    host.proxy.serve(record.desired, host.records.slot())
    host.routes.route_to(record, host.records.slot())


def released(host: Host, form: str) -> Record:
    """Let the kept release of a format be live on a host."""
    whole = kept(form)
    store(host, whole["record"])
    record = host.records.get(NUMBER)
    assert record
    start(host, record, whole["fingerprint"])
    return record


def test_the_form_of_this_release_is_kept() -> None:
    whole = kept(f"schema-{SCHEMA}")
    written = Record.read({**whole["record"], "schema": 1}).document()
    wanted = {
        **written,
        "desired": Desired.read(written["desired"], strict=False).document(),
        "schema": SCHEMA,
    }
    if os.environ.get("AUTH_KEEP_RECORD"):
        whole = {**whole, "record": wanted}
        text = json.dumps(whole, indent=2)
        (KEPT / f"schema-{SCHEMA}.json").write_text(f"{text}\n")

    assert whole["record"] == wanted, "keep it with: AUTH_KEEP_RECORD=1 pytest -k form_of_this"


@pytest.mark.parametrize("form", FORMS)
def test_a_live_record_of_each_form_is_what_it_was(host: Host, form: str) -> None:
    record = released(host, form)

    assert host.parts.live() == record
    assert record.fingerprint == kept(form)["fingerprint"]
    assert record.public()["image"] == IMAGE
    assert host.differences(record) == [], "a healthy container seems to be changed"


def test_a_record_without_a_person_has_the_login_as_its_author(host: Host) -> None:
    assert released(host, "schema-5").public()["by"] == "ada from 192.0.2.1"


def test_a_release_is_recorded_with_its_person(host: Host) -> None:
    releases = Releases(host.parts, person="ann@example.com on laptop")

    record = releases.apply(desired(), by="ubuntu from 192.0.2.1")

    host.records.save(record)
    stored = host.records.all()[0].public()
    assert stored["person"] == "ann@example.com on laptop"
    assert stored["by"] == "ann@example.com on laptop, as ubuntu from 192.0.2.1"


@pytest.mark.parametrize("form", FORMS)
def test_what_a_record_of_each_form_runs_is_no_new_release(host: Host, form: str) -> None:
    record = released(host, form)

    again = host.releases.apply(record.desired, by="test")

    if form == "schema-1-first":  # it knew neither revisions nor hooks
        assert again.number == NUMBER + 1
    else:
        assert again.number == NUMBER


@pytest.mark.parametrize("form", FORMS)
def test_a_release_of_each_form_is_replaced_and_rolled_back_to(host: Host, form: str) -> None:
    record = released(host, form)
    host.awaited = True

    host.apply(image=OTHER)
    restored = host.rollback()

    assert restored.note == f"rollback from {NUMBER + 1} to {NUMBER}"
    assert restored.desired == record.desired
    assert set(host.docker.running) >= {restored.number}


def test_a_release_at_a_port_serves_until_the_first_one_at_an_address(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = released(host, "schema-2")
    # as that tool left it: the proxy dials the loopback
    older = (
        f"-A AUTH-RELEASE -d 127.0.0.1/32 -p tcp -m tcp --dport {SLOT.older} "
        f"-j REDIRECT --to-ports {record.host_port}"
    )
    host.routes.put_back("auth", f"# release {NUMBER}\n{older}\n")
    host.site.write_text(host.site.read_text().replace(SLOT.service, "127.0.0.1"))
    reload, rules = host.proxy.reload, []

    def reloaded() -> None:
        rules.append(host.routes.kernel)
        reload()

    monkeypatch.setattr(host.proxy, "reload", reloaded)

    new = host.apply(image=OTHER)

    (at_reload,) = rules
    assert older in at_reload, "the site of before leads nowhere"
    assert older.replace("127.0.0.1/32", f"{SLOT.service}/32").replace(
        f"--dport {SLOT.older}", "--dport 80"
    ) in (at_reload), "the new site leads nowhere while the release of before is live"
    assert host.routes.serving == f"{new.address}:8000"


def newer(**changes: Any) -> dict[str, Any]:
    """Build a record of a newer tool, with fields that this version does not know."""
    record = kept(f"schema-{SCHEMA}")["record"]
    desired = {**record["desired"], "schema": SCHEMA + 1, "colour": "red"}
    return {**record, "schema": SCHEMA + 1, "mood": {"good": True}, "desired": desired, **changes}


def test_a_live_release_of_a_newer_tool_is_read_replaced_and_written_back_whole(
    host: Host,
) -> None:
    store(host, newer(fingerprint="of the newer tool"))
    record = host.records.get(NUMBER)
    assert record
    start(host, record, "of the newer tool")

    assert host.differences(record) == []
    assert host.apply(image=OTHER).number == NUMBER + 1

    path = host.records.folder / f"release-{NUMBER:06}.json"
    assert json.loads(path.read_text()) == newer(
        fingerprint="of the newer tool", outcome="replaced"
    )


def test_what_a_newer_tool_released_is_not_run_again_by_halves(host: Host) -> None:
    store(host, newer(outcome="replaced"))
    host.apply()

    with pytest.raises(
        ReleaseError, match="can't roll back to release 3: a newer release tool made it"
    ):
        host.rollback(NUMBER)


BROKEN = ["", "[]", "{}", '{"schema": "x"}', json.dumps(newer(host_port="many")), "\0"]


@pytest.mark.parametrize("text", BROKEN)
def test_a_record_that_can_not_be_read_is_skipped_and_named(host: Host, text: str) -> None:
    host.apply()
    host.apply(image=OTHER)
    store(host, text, number=9)

    assert [record.number for record in host.records.all()] == [2, 1]
    (skipped,) = host.parts.skipped()
    assert "the record of release 9 can't be read: " in skipped
    assert host.rollback().number == 10, "a number was used twice"
    assert host.apply().number == 10


@pytest.mark.parametrize("text", BROKEN)
def test_a_live_record_that_can_not_be_read_is_named_and_replaced(host: Host, text: str) -> None:
    host.apply()
    store(host, text, number=1)

    (difference,) = host.parts.drift(host.parts.live())
    assert "the record of the live release 1 can't be read: " in difference
    assert host.parts.skipped() == []

    record = host.apply()
    assert record.number == 2
    assert "the live release 1 can't be read" in record.note
    assert host.serving == 2
    assert set(host.docker.running) == {2}


def test_a_failed_release_leaves_a_live_one_alone_whose_record_can_not_be_read(host: Host) -> None:
    host.apply()
    store(host, "", number=1)
    host.docker.broken.add(OTHER)
    route = host.routes.text("auth")

    with pytest.raises(ReleaseError, match="exit code 3"):
        host.apply(image=OTHER)

    assert host.routes.text("auth") == route
    assert set(host.docker.running) == {1}


def test_a_record_that_can_not_be_read_is_forgotten_when_all_beside_it_are(host: Host) -> None:
    host.apply()
    host.apply(image=OTHER)
    store(host, "", number=1)
    host.apply(environment={"A": "3"})
    assert list(host.records.unreadable()) == []
    store(host, "", number=9)
    host.apply(environment={"A": "4"})

    assert list(host.records.unreadable()) == [9]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaterHealth(Health):
    method: str = added("GET", since=SCHEMA + 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Later(Desired):
    health: LaterHealth = dataclasses.field(default_factory=LaterHealth)
    colour: str = added("", since=SCHEMA + 1)


def test_a_field_that_a_later_schema_adds_changes_no_fingerprint_by_its_default() -> None:
    now = Desired.read(document(), strict=True)

    assert Later.read(document(), strict=True).fingerprint == now.fingerprint
    for change in ({"colour": "red"}, {"health": {**document()["health"], "method": "HEAD"}}):
        assert Later.read(document(**change), strict=True).fingerprint != now.fingerprint


def test_a_desired_state_of_the_schema_before_is_read() -> None:
    before = kept("schema-1")["record"]["desired"]

    assert Desired.parse(json.dumps(before)).fingerprint == kept("schema-1")["fingerprint"]


def test_a_desired_state_of_a_newer_schema_is_refused_with_the_way_out() -> None:
    with pytest.raises(ReleaseError, match=rf"schema is {SCHEMA + 1}, and .* `make up` installs"):
        Desired.parse(json.dumps(document(schema=SCHEMA + 1, colour="red")))
