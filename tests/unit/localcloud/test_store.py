from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from localcloud.api.wire import Resource
from localcloud.state.store import Store


class Disk(Resource):
    kind: ClassVar[str] = "disk"
    id: str
    size: int = Field(default=47, ge=50)


def test_what_its_own_reader_would_refuse_is_not_stored(tmp_path: Path) -> None:
    store = Store(tmp_path / "records.sqlite")
    store.put(Disk(id="good", size=60))

    with pytest.raises(ValidationError, match="size"):
        store.put(Disk(id="bad"))
    with pytest.raises(ValidationError, match="size"):
        store.put(Disk(id="good", size=60).changed(size=None))

    assert store.find(Disk) == [Disk(id="good", size=60)]
