"""The proof of a copy: it is fetched and checked beside the database in use, which stays."""

import time
from typing import Any

from . import copies, restore
from .backup import Backup
from .errors import ReleaseError
from .progress import Progress


def prove(backup: Backup, at: str, progress: Progress) -> dict[str, Any]:
    """Fetch a copy and check it; note the proof in the bucket, and return it as JSON's values.

    `at` is a copy's name or a moment; empty: the newest copy. It proves that the copy is a whole
    database of the service, and not that a release runs on it: a restore proves that.
    """
    started = time.monotonic()
    available = copies.listed(backup)
    if not available:
        raise ReleaseError(
            f"there is no copy in {backup.bucket}/{backup.prefix}. `make backup` makes the first"
        )
    source = restore.chosen(available, at or available[-1].name)
    with copies.drafts(backup) as folder:
        draft = folder / "proof.sqlite"
        rows = restore.fetch_checked(progress, backup, source, draft)
    report = {
        "copy": source.copy.name,
        "moment": source.moment,
        "rows": rows,
        "seconds": round(time.monotonic() - started, 1),
    }
    copies.note_proof(backup, source.copy.name, report)
    return report
