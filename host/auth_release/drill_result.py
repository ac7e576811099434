"""The result of the newest drill, in the bucket: `make drill` writes it, and `status` reads it."""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from . import moments
from .backup import Backup
from .bucket import MissingObjectError
from .documents import read
from .errors import ReleaseError
from .failures import one_line
from .files import write_atomically

FORMAT = 1
CACHE = Path("/run/auth-release")
LATE_SECONDS = 8 * 86400  # a week, and a day for a workflow that waits or is repeated
_CACHED_SECONDS = 600
_ASK_SECONDS = 5
_OBJECT = "drill.json"
_MOST = 400  # characters of a problem


@dataclass(frozen=True, kw_only=True)
class DrillResult:
    """A drill: the restored copy and the seconds until an account signed in, or its problem."""

    at: str
    copy: str = ""
    seconds: float = 0
    problem: str = ""  # empty: the copy was restored

    def __str__(self) -> str:
        if self.problem:
            return f"the drill failed at {self.at}: {self.problem}"
        return f"the copy {self.copy} was restored at {self.at}, in {self.seconds / 60:.1f} min"

    def is_late(self, now: float) -> bool:
        """Return whether the drill failed, or the next is overdue; `now` in seconds since 1970."""
        return bool(self.problem) or now - moments.seconds(self.at) > LATE_SECONDS


def store(backup: Backup, *, copy: str = "", seconds: float = 0, problem: str = "") -> None:
    """Store the result of a drill that ends now, in place of the result before."""
    problem = one_line(problem)[:_MOST]
    result = DrillResult(at=moments.text(), copy=copy, seconds=seconds, problem=problem)
    document = json.dumps({"format": FORMAT, **asdict(result)}).encode()
    backup.objects.put(f"{backup.prefix}/{_OBJECT}", document)


def stored(backup: Backup, *, seconds: float) -> DrillResult | None:
    """Return the result of the newest drill, None without one; `seconds` limit the request.

    Raises ReleaseError for a result that can't be read.
    """
    try:
        text = backup.objects.get(f"{backup.prefix}/{_OBJECT}", seconds=seconds)
    except MissingObjectError:
        return None
    try:
        return read(DrillResult, json.loads(text), strict=False)
    except ValueError:
        raise ReleaseError(f"{_OBJECT} in the bucket is not JSON") from None


def recent(backup: Backup, now: float) -> DrillResult | None:
    """Return the newest result, None without one, as the bucket had it ten minutes ago at most.

    Each report of the metrics asks for it. Raises ReleaseError if the bucket gives no result.
    """
    cache = CACHE / f"drill-{backup.service}.json"
    with contextlib.suppress(OSError, ValueError, ReleaseError):
        if 0 <= now - cache.stat().st_mtime < _CACHED_SECONDS:
            cached = json.loads(cache.read_text())
            return read(DrillResult, cached, strict=False) if cached else None
    result = stored(backup, seconds=_ASK_SECONDS)
    cache.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_atomically(cache, json.dumps(asdict(result) if result else None), mode=0o600)
    return result
