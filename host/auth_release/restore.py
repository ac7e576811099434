"""A restore: the database of an earlier moment takes the place of the present database.

The present database is kept on the data volume. After a failure it is back in its place.
"""

import calendar
import contextlib
import dataclasses
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import backup as continuous
from . import copies, moments
from .backup import Backup
from .candidate import Candidate
from .copies import Copy
from .desired import Maintenance
from .errors import BrokenCopyError, ReleaseError
from .failures import reason
from .programs import run, succeeds
from .progress import Progress
from .records import Record
from .service_host import ServiceHost

_KEPT = 3  # replaced databases
_FOLDER, _NAME = "replaced-%Y%m%dT%H%M%SZ", re.compile(r"replaced-\d{8}T\d{6}Z")
_EARLIER = (2, 5, 10, 30, 60, 300, 3600)  # seconds before the end of a timeline


@dataclass(frozen=True, kw_only=True)
class Source:
    """The copy to restore from; `at` is a moment of its timeline, empty for its end."""

    copy: Copy
    at: str = ""

    @property
    def moment(self) -> str:
        return self.at or self.copy.end

    def earlier(self, seconds: int) -> "Source":
        """Return the source of a moment that is earlier, but not before the copy's begin."""
        at = moments.text(moments.seconds(self.moment) - seconds)
        return dataclasses.replace(self, at=max(at, self.copy.begin))

    def __str__(self) -> str:
        return f"{self.copy.name}, {self.moment}"


def restore(host: ServiceHost, *, at: str, over: bool) -> dict[str, Any]:
    """Restore the database from a copy's name or a moment; return a report, as JSON's values.

    Without `over`, a present database that is newer than the moment is not replaced.
    """
    started = time.monotonic()
    backup = Backup.of(host.service)
    source = chosen(copies.listed(backup), at)
    if not host.live() and (problems := host.drift(None)):
        raise ReleaseError(
            f"{problems[0]}, so it can't be stopped for a restore. `make up` makes a new release"
        )
    with copies.drafts(backup) as folder:
        draft = folder / "restored.sqlite"
        source, rows = _fetch_whole(host.progress, backup, source, draft)
        changed = _changed_at(backup)  # first: a look at the rows may change the files
        before = copies.rows_in_use(backup)
        if not over:
            refuse_newer(source, rows, before, changed)
        kept = _replace(host, backup, draft)
    report = {
        "copy": source.copy.name,
        "moment": source.moment,
        "rows": rows,
        "rows_before": before,
        "kept": str(kept) if kept else "",
        "seconds": round(time.monotonic() - started, 1),
    }
    _note_proof(host, backup, source, report)
    return report


def chosen(available: list[Copy], at: str) -> Source:
    """Return the copy for a name, or the timeline for a moment; raise ReleaseError without one."""
    for copy in available:
        if copy.name == at:
            return Source(copy=copy)
    if not moments.PATTERN.fullmatch(at):
        raise ReleaseError(
            f"there is no copy {at!r}. `make backups` lists the names; a moment is written as "
            "2026-11-27T03:10:00Z, in UTC"
        )
    if at > moments.text():
        raise ReleaseError(f"{at} is in the future")
    timelines = [copy for copy in available if copy.is_timeline and copy.begin <= at]
    if not timelines:
        begins = [copy.begin for copy in available if copy.is_timeline]
        first = f"; the first is from {min(begins)}" if begins else ""
        raise ReleaseError(f"there is no copy of {at}{first}. `make backups` lists them")
    # the name of a timeline that began while the clock was behind is too early: the end decides
    covering = [copy for copy in timelines if at <= copy.end]
    timeline = max(covering or timelines, key=lambda copy: copy.begin if covering else copy.end)
    # after its end nothing changed in it
    return Source(copy=timeline, at=at if at < timeline.end else "")


def refuse_newer(
    source: Source, rows: dict[str, int], before: dict[str, int] | None, changed: float
) -> None:
    """Raise ReleaseError if the present database has data that the copy may not have.

    `before` are its rows, and `changed` is the time of its last change.
    """
    if before is None or (before and not any(before.values())):
        return
    moment = moments.text(changed)
    reason = f"changed at {moment}, after the copy of {source.moment}"
    # the clock may have been wrong at the last change
    has_more = any(count > rows.get(table, 0) for table, count in before.items())
    if has_more and moment <= source.moment:
        reason = f"has more than the copy of {source.moment}"
    if has_more or moment > source.moment:
        raise ReleaseError(
            f"the present database {reason}: it has "
            f"{_counted(before)}, and the copy has {_counted(rows)}. Nothing was changed. To "
            "replace it all the same, say OVER=yes; it is kept on the data volume"
        )


def _fetch_whole(
    progress: Progress, backup: Backup, source: Source, draft: Path
) -> tuple[Source, dict[str, int]]:
    """Fetch a copy and check it; return its source and the rows of the counted tables.

    The end of a timeline can be broken: the VM was lost in the middle of a transfer, or the copying
    took a page too early. Then an earlier moment of it is restored.
    """
    has_earlier = source.copy.is_timeline and not source.at
    sources = [source, *(source.earlier(seconds) for seconds in _EARLIER if has_earlier)]
    problems: list[BrokenCopyError] = []
    for tried in sources:
        draft.unlink(missing_ok=True)
        try:
            return tried, fetch_checked(progress, backup, tried, draft)
        except BrokenCopyError as error:
            problems.append(error)
            progress.show(f"  {error}")
    raise problems[0]


def fetch_checked(
    progress: Progress, backup: Backup, source: Source, draft: Path
) -> dict[str, int]:
    """Write the database of a copy, or of a moment of it, to a file, and check it.

    Returns the rows of the counted tables; raises BrokenCopyError for a broken copy.
    """
    with progress.step(f"Fetch {source}"):
        _fetch(backup, source, draft)
    with progress.step("Check its integrity"):
        return copies.verified(draft, backup)


def _fetch(backup: Backup, source: Source, draft: Path) -> None:
    if not source.copy.is_timeline:
        copies.fetch(backup, source.copy.name, draft)
        return
    moment = ["-timestamp", source.at] if source.at else []
    program = str(continuous.PROGRAM)
    # in memory: what was once on the data volume can be read there after its removal
    with tempfile.NamedTemporaryFile("w", dir=continuous.RUN, suffix=".yml") as settings:
        settings.write(backup.litestream_document(source.copy.name))
        settings.flush()
        try:
            run(
                *(program, "restore", "-config", settings.name, "-o", str(draft), *moment),
                str(backup.path),
                timeout=3600,
            )
        except ReleaseError as error:
            raise BrokenCopyError(f"the copy {source} can't be fetched: {error}") from None


def _replace(host: ServiceHost, backup: Backup, draft: Path) -> Path | None:
    """Put the draft in the database's place; return the place of the former database."""
    live = host.live()
    with _closed(host, live):
        with host.progress.step("Stop the service and the copying"):
            if live:
                run("docker", "stop", live.container, timeout=live.desired.stop_seconds + 60)
            succeeds("systemctl", "stop", backup.unit)
        timeline = backup.timeline()
        kept: Path | None = None
        try:
            with host.progress.step("Replace the database"):
                kept = _swap(backup, draft)
                backup.begin_timeline()
            if live:
                _start(host, live)
        except BaseException as error:
            host.progress.show(f"Put the former database back, as {reason(error)}.")
            _put_back(host, backup, live, kept, timeline)
            raise
        with host.progress.step("Copy it to the bucket"):
            _copy_again(host, backup)
    return kept


@contextlib.contextmanager
def _closed(host: ServiceHost, live: Record | None) -> Iterator[None]:
    """Answer all requests with the maintenance page meanwhile."""
    if live is None:
        yield
        return
    closed = dataclasses.replace(live.desired, maintenance=Maintenance())
    host.proxy.serve(closed, host.slot)
    try:
        yield
    finally:
        host.proxy.serve(live.desired, host.slot)


def _swap(backup: Backup, draft: Path) -> Path | None:
    """Put the draft in place by a rename; a crash leaves the former or the restored database.

    The former log goes before: SQLite would play it into the restored database.
    """
    os.chown(draft, backup.uid, backup.uid)
    draft.chmod(0o600)
    kept = None
    if backup.path.exists():
        kept = _new_folder(backup)
        copies.fold(backup)
        for path in (backup.path, *_side_files(backup)):
            if path.exists():
                os.link(path, kept / path.name)
    _forget_sides(backup)
    draft.rename(backup.path)
    return kept


def _new_folder(backup: Backup) -> Path:
    """Make the folder for the former database, with the time in its name.

    After the clock went back, it is a second more than the newest name: the oldest folders go.
    """
    newest = [calendar.timegm(time.strptime(path.name, _FOLDER)) for path in _replaced(backup)[-1:]]
    moment = max([time.time(), *(each + 1 for each in newest)])
    folder = backup.work / time.strftime(_FOLDER, time.gmtime(moment))
    folder.mkdir(mode=0o700)
    return folder


def _replaced(backup: Backup) -> list[Path]:
    """Return the folders of replaced databases, the newest last; other folders are a person's."""
    return sorted(path for path in backup.work.iterdir() if _NAME.fullmatch(path.name))


def _forget_sides(backup: Backup) -> None:
    """Remove the files beside the database, which belong to the former one: logs and notes."""
    for path in _side_files(backup):
        path.unlink(missing_ok=True)
    shutil.rmtree(backup.notes, ignore_errors=True)


def _put_back(
    host: ServiceHost, backup: Backup, live: Record | None, kept: Path | None, timeline: str
) -> None:
    steps: list[Callable[[], object]] = []
    if live:
        steps.append(lambda: succeeds("docker", "stop", live.container))
    if kept:
        steps += [lambda: _take_back(backup, kept), lambda: backup.set_timeline(timeline)]
    if live:
        steps.append(lambda: _start(host, live))
    steps.append(lambda: _copy_again(host, backup))
    for step in steps:
        try:
            step()
        except Exception as failure:  # noqa: BLE001 - the caller reports the first error
            host.progress.show(f"  That did not work: {reason(failure)}")


def _take_back(backup: Backup, kept: Path) -> None:
    _forget_sides(backup)
    for path in (*_side_files(backup), backup.path):
        if (kept / path.name).exists():
            (kept / path.name).rename(path)
    kept.rmdir()


def _start(host: ServiceHost, live: Record) -> None:
    restarted = Candidate(host, live)
    with host.progress.step(f"Start release {live.number}, and wait until it is healthy"):
        run("docker", "start", live.container)
        try:
            restarted.wait_until_healthy()
        except ReleaseError:
            restarted.show_last_lines()
            raise


def _copy_again(host: ServiceHost, backup: Backup) -> None:
    """Begin the copy of the restored database; a failure is no reason to give it up."""
    try:
        continuous.start(backup)
        continuous.wait_for_copy(backup)
    except ReleaseError as error:
        host.progress.show(f"  The restored database is not copied yet: {reason(error)}")


def _note_proof(host: ServiceHost, backup: Backup, source: Source, report: dict[str, Any]) -> None:
    """Note in the bucket that this copy was restored, and delete old replaced databases."""
    try:
        copies.note_proof(backup, source.copy.name, report)
    except ReleaseError as error:
        host.progress.show(f"  The proof is not noted in the bucket: {reason(error)}")
    for folder in _replaced(backup)[:-_KEPT]:
        shutil.rmtree(folder)


def _changed_at(backup: Backup) -> float:
    """Return the time of the database's last change.

    A reader makes the log and the log's index, which are then empty or have no data.
    """
    log = backup.path.with_name(f"{backup.path.name}-wal")
    found = [path.stat() for path in (backup.path, log) if path.exists()]
    return max((each.st_mtime for each in found if each.st_size), default=0)


def _side_files(backup: Backup) -> list[Path]:
    return [backup.path.with_name(backup.path.name + suffix) for suffix in ("-wal", "-shm")]


def _counted(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in rows.items()) or "unreadable rows"
