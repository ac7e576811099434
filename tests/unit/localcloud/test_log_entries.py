"""The stored entries of logs: their bound, and their form on each day that it changed."""

import sqlite3
from pathlib import Path

import pytest

from localcloud.state import log_entries
from localcloud.state.log_entries import LogEntries, LogEntry

STORED = sorted((Path(__file__).parent / "stored" / "logs").glob("*.sql"))


def test_the_oldest_entries_go_beyond_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_entries, "MOST_ENTRIES", 10)
    monkeypatch.setattr(log_entries, "_TRIM_EVERY", 5)
    file = tmp_path / "logs.sqlite"
    store = LogEntries(file)

    for number in range(30):
        entry = LogEntry(
            id="", log="log", at=number, source="auth", type="", subject="", data=str(number)
        )
        store.add([entry])

    assert [entry.data for entry in log_entries.stored(file)] == [str(n) for n in range(20, 30)]
    store.close()


@pytest.mark.parametrize("dump", STORED, ids=lambda dump: dump.stem)
def test_the_entries_of_an_earlier_emulator_are_read_and_more_are_added(
    dump: Path, tmp_path: Path
) -> None:
    file = tmp_path / "logs.sqlite"
    with sqlite3.connect(file) as database:
        database.executescript(dump.read_text())
    earlier = list(log_entries.stored(file))
    entry = LogEntry(id="", log="log", at=1.5, source="auth", type="", subject="", data="later")

    store = LogEntries(file)
    store.add([entry])
    store.close()

    assert earlier
    assert list(log_entries.stored(file)) == [*earlier, entry]
