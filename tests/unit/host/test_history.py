"""The list of releases is read in a terminal of 80 columns."""

import json
from pathlib import Path

import pytest

from host.auth_release import interventions, status
from host.auth_release.callers import Caller
from host.auth_release.records import Records

STORED = Path(__file__).with_name("records") / "schema-3.json"


def test_a_release_with_a_long_author_and_note_fits_into_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads(STORED.read_text())["record"]
    record["desired"]["revision"] = "0123456789ab-dirty"
    record["note"] = "rolled back to release 1"
    records = Records(tmp_path, "auth")
    records.folder.mkdir(parents=True, exist_ok=True)
    (records.folder / "release-000003.json").write_text(json.dumps(record))

    status.show_history(records, [], as_json=False)

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80, lines
    assert "0123456789ab-dirty" in lines[1]
    assert lines[2] == "  by ada from 192.0.2.1: rolled back to release 1"


def test_a_single_release_is_live_while_the_release_before_stands_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads(STORED.read_text())["record"]
    records = Records(tmp_path, "auth")
    for number, standby in ((3, 0), (4, 3)):
        release = {**record, "number": number, "outcome": "live", "standby": standby}
        records.folder.mkdir(parents=True, exist_ok=True)
        (records.folder / f"release-{number:06}.json").write_text(json.dumps(release))

    status.show_history(records, [], as_json=False)

    outcomes = [line[9:18].strip() for line in capsys.readouterr().out.splitlines()[1::2]]
    assert outcomes == ["live", "stands by"]


def test_a_restore_is_listed_with_its_person_at_the_release_that_was_live(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = Records(tmp_path, "auth")
    records.folder.mkdir(parents=True, exist_ok=True)
    (records.folder / "release-000003.json").write_text(
        json.dumps(json.loads(STORED.read_text())["record"])
    )
    ann = Caller(person="ann@example.com on laptop", login="ubuntu from 192.0.2.1")

    interventions.note(tmp_path, "auth", ann, "restored the database of noon", release=3)
    status.show_history(records, interventions.of(tmp_path, "auth").all(), as_json=False)
    status.show_history(records, interventions.of(tmp_path, "auth").all(), as_json=True)

    *lines, as_json = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("  restored the database of noon at ")
    assert lines[-1].endswith(", by ann@example.com on laptop, as ubuntu from 192.0.2.1")
    assert json.loads(as_json)[0]["interventions"][0]["by"] == str(ann)


def test_an_intervention_on_the_host_is_noted_at_the_live_release_of_each_service(
    tmp_path: Path,
) -> None:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "auth.rules").write_text("# release 7\n")
    ann = Caller(person="ann", login="ubuntu")

    interventions.note_on_each(tmp_path, ["auth", "notes"], ann, "upgraded openssl 3.0")

    noted = {name: interventions.of(tmp_path, name).all() for name in ("auth", "notes")}
    assert {name: [each.release for each in of] for name, of in noted.items()} == {
        "auth": [7],
        "notes": [0],
    }
    assert {each.note for of in noted.values() for each in of} == {"upgraded openssl 3.0"}


@pytest.mark.parametrize("text", ["", "[]", '{"interventions": [{"at": 1}]}', '{"schema": 0}'])
def test_a_damaged_file_of_interventions_is_empty_and_takes_the_next(
    tmp_path: Path, text: str
) -> None:
    stored = tmp_path / "interventions" / "auth.json"
    stored.parent.mkdir()
    stored.write_text(text)
    assert interventions.of(tmp_path, "auth").all() == []

    interventions.note(tmp_path, "auth", Caller(person="", login="root"), "noted", release=None)

    assert [each.note for each in interventions.of(tmp_path, "auth").all()] == ["noted"]
