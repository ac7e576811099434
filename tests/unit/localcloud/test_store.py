import json
import sqlite3
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from localcloud.api import wire
from localcloud.api.wire import Resource
from localcloud.discovery import RESOURCE_TYPES
from localcloud.state.store import Store

# The whole store of an emulator of that day: a file of each form that was ever stored.
STORED = sorted(Path(__file__).with_name("stored").glob("*.sql"))


class Disk(Resource):
    kind: ClassVar[str] = "disk"
    id: str
    size: int = Field(default=47, ge=50)


def test_what_its_own_reader_would_refuse_is_not_stored(tmp_path: Path) -> None:
    store = Store(tmp_path / "cloud.sqlite")
    store.put(Disk(id="good", size=60))

    with pytest.raises(ValidationError, match="size"):
        store.put(Disk(id="bad"))
    with pytest.raises(ValidationError, match="size"):
        store.put(Disk(id="good", size=60).changed(size=None))

    assert store.find(Disk) == [Disk(id="good", size=60)]


@pytest.mark.parametrize("dump", STORED, ids=lambda dump: dump.stem)
def test_the_resources_of_an_earlier_emulator_are_read_whole(dump: Path, tmp_path: Path) -> None:
    assert RESOURCE_TYPES, "their modules define the kinds"
    with sqlite3.connect(tmp_path / "cloud.sqlite") as database:
        database.executescript(dump.read_text())
        rows = database.execute("SELECT kind, ocid, body FROM records").fetchall()
    store = Store(tmp_path / "cloud.sqlite")

    for kind, ocid, body in rows:
        resource = store.get(wire.of_kind(kind), ocid)
        assert resource.ocid == ocid
        assert resource.model_dump(mode="json").items() >= json.loads(body).items()
    assert rows
