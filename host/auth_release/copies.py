"""The copies of a service's database in its bucket: timelines, and whole copies with a name."""

import contextlib
import gzip
import json
import os
import re
import shutil
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import moments
from .backup import Backup
from .bucket import Stored
from .errors import BrokenCopyError, ReleaseError
from .lock import take as lock
from .records import STATE

FORMAT = 1  # of a copy's description
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PACKED = ".sqlite.gz"


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy to restore from. A timeline has all moments from `begin` to `end`."""

    name: str
    begin: str
    end: str
    size: int  # bytes in the bucket
    is_timeline: bool
    rows: Mapping[str, int] = field(default_factory=dict)  # by table; a timeline has none
    proof: str = ""  # the time when it was last checked or restored
    problem: str = ""  # of its description: the database itself may be whole


def listed(backup: Backup) -> list[Copy]:
    """Return the copies in the bucket, the newest last."""
    # by timeline: the times of its oldest and newest object, its size
    spans: dict[str, tuple[str, str, int]] = {}
    named, sizes, proofs = {}, {}, {}
    for stored in backup.objects.list(f"{backup.prefix}/"):
        kind, _, rest = stored.key.removeprefix(f"{backup.prefix}/").partition("/")
        name = rest.partition("/")[0]
        if kind == "timelines":
            oldest, newest, size = spans.get(name, (stored.modified, "", 0))
            spans[name] = (
                min(oldest, stored.modified),
                max(newest, stored.modified),
                size + stored.size,
            )
        elif kind == "copies" and name.endswith(".json"):
            named[name.removesuffix(".json")] = stored
        elif kind == "copies" and name.endswith(_PACKED):
            sizes[name.removesuffix(_PACKED)] = stored.size
        elif kind == "proofs":
            proofs[name] = stored.modified
    copies = [
        Copy(
            name=name,
            # a name may be of a clock that was ahead, and the oldest objects are gone after a week
            begin=min(filter(None, (_moment_of(name), oldest))),
            end=newest,
            size=size,
            is_timeline=True,
            proof=proofs.get(name, ""),
        )
        for name, (oldest, newest, size) in spans.items()
    ]
    for name, stored in named.items():
        moment, rows, problem = _described(backup, stored)
        copies.append(
            Copy(
                name=name,
                begin=moment,
                end=moment,
                size=sizes.get(name, 0),
                is_timeline=False,
                rows=rows,
                proof=proofs.get(name, ""),
                problem=problem if name in sizes else "its database is gone from the bucket",
            )
        )
    return sorted(copies, key=lambda copy: (copy.end, copy.begin))


def take(backup: Backup, name: str, *, by: str) -> Copy:
    """Put a whole copy of the database into the bucket, after a check of its integrity."""
    name = name or time.strftime("copy-%Y%m%d-%H%M%S", time.gmtime())
    if not _NAME.fullmatch(name):
        raise ReleaseError(
            f"{name!r} can't name a copy: use up to 63 lower-case letters, digits, `.`, `-`, `_`"
        )
    if any(copy.name == name for copy in listed(backup)):
        raise ReleaseError(f"the bucket has a copy {name} already; choose another name")
    with drafts(backup) as folder:
        draft = folder / "copy.sqlite"
        at = moments.text()
        _copy_database(backup, draft)
        rows = verified(draft, backup)
        packed = folder / "copy.sqlite.gz"
        with draft.open("rb") as source, gzip.open(packed, "wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target)
        size = packed.stat().st_size
        backup.objects.upload(f"{backup.prefix}/copies/{name}{_PACKED}", packed)
    description = {"format": FORMAT, "at": at, "bytes": size, "rows": rows, "by": by}
    # last: a copy without its description is not listed
    backup.objects.put(f"{backup.prefix}/copies/{name}.json", json.dumps(description).encode())
    return Copy(name=name, begin=at, end=at, size=size, is_timeline=False, rows=rows)


def fetch(backup: Backup, name: str, path: Path) -> None:
    """Write the database of a named copy to a file."""
    packed = path.with_suffix(".gz")
    backup.objects.download(f"{backup.prefix}/copies/{name}{_PACKED}", packed)
    try:
        with gzip.open(packed) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise ReleaseError(f"the copy {name} is broken: {error}") from None
    finally:
        packed.unlink()


def verified(path: Path, backup: Backup) -> dict[str, int]:
    """Return the rows of the counted tables; raise ReleaseError for a foreign database.

    A broken database raises BrokenCopyError. The file must not be in use.
    """
    try:
        with contextlib.closing(_connect(path)) as database:
            answers = [str(row[0]) for row in database.execute("PRAGMA integrity_check")]
            tables = {
                str(row[0])
                for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            missing = sorted({*backup.counted} - tables)
            if answers == ["ok"] and missing:
                raise ReleaseError(
                    f"this is not a database of {backup.service}: it has no table {missing[0]}"
                )
            if answers == ["ok"]:
                return {table: _count(database, table) for table in backup.counted}
            problem = answers[0]
    except sqlite3.Error as error:
        problem = str(error)
    raise BrokenCopyError(f"the database is broken: {problem}")


def rows_in_use(backup: Backup) -> dict[str, int] | None:
    """Return the rows of the counted tables of the present database.

    None: there is no database. Empty: it can't be read.
    """
    if not backup.path.exists():
        return None
    try:
        with _as_user(backup.uid), contextlib.closing(_connect(backup.path)) as database:
            return {table: _count(database, table) for table in backup.counted}
    except sqlite3.Error:
        return {}


def fold(backup: Backup) -> None:
    """Move all of the write-ahead log into the database's file; nobody uses the database.

    The log of a broken database stays.
    """
    with (
        contextlib.suppress(sqlite3.Error),
        _as_user(backup.uid),
        contextlib.closing(_connect(backup.path)) as database,
    ):
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def note_proof(backup: Backup, name: str, report: dict[str, Any]) -> None:
    """Note in the bucket that a copy was restored."""
    document = json.dumps({"format": FORMAT, **report}).encode()
    backup.objects.put(f"{backup.prefix}/proofs/{name}", document)


@contextlib.contextmanager
def alone(service: str, work: str) -> Iterator[None]:
    """Refuse a second backup or restore of a service at the same time: they share a folder."""
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (STATE / f"{service}.restore").open("a+") as file:
        if not lock(file):
            file.seek(0)
            other = file.read().strip() or "restore"
            raise ReleaseError(
                f"a {other} of {service} is under way, so no {work} can begin. Try again once it "
                "has ended"
            )
        file.truncate(0)
        file.write(work)
        file.flush()
        yield


@contextlib.contextmanager
def drafts(backup: Backup) -> Iterator[Path]:
    """Yield an empty folder on the data volume; remove it at the end."""
    folder = backup.work / "draft"
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    try:
        folder.mkdir(mode=0o700, parents=True)
        os.chown(folder, backup.uid, backup.uid)
        # the user of the service writes there, through a folder that is root's
        backup.work.chmod(0o711)
        backup.work.parent.chmod(0o711)
        yield folder
    except OSError as error:
        raise ReleaseError(
            f"{error.filename or folder}: {error.strerror}. See the free space: df -h {folder}"
        ) from None
    except sqlite3.OperationalError as error:
        raise ReleaseError(
            f"the database can't be copied: {error}. See the free space: df -h {folder}"
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_database(backup: Backup, target: Path) -> None:
    """Copy the database as it is between two transactions; the service goes on."""
    if not backup.path.exists():
        raise ReleaseError(f"there is no database {backup.path}: nothing to copy")
    with (
        _as_user(backup.uid),
        contextlib.closing(_connect(backup.path)) as source,
        contextlib.closing(_connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a single file


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=30)


def _count(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - ours


@contextlib.contextmanager
def _as_user(uid: int) -> Iterator[None]:
    """Act as the service's user: root's files beside the database would stop the service."""
    user, group = os.geteuid(), os.getegid()
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def _described(backup: Backup, stored: Stored) -> tuple[str, dict[str, int], str]:
    """Return the moment and the rows of a copy by its description, and the description's problem.

    Of a newer tool's description, the fields known here are read. Without a readable description,
    or by a clock that was ahead, the moment is the time when it was stored.
    """
    try:
        description = json.loads(backup.objects.get(stored.key))
        moment = str(description["at"])
        moments.seconds(moment)
        rows = {str(name): int(count) for name, count in description["rows"].items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return stored.modified, {}, f"its description {stored.key} can't be read"
    return min(moment, stored.modified), rows, ""


def _moment_of(timeline: str) -> str:
    """Return the begin of a timeline, which its name has; empty for another name."""
    match = re.match(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", timeline)
    return "{}-{}-{}T{}:{}:{}Z".format(*match.groups()) if match else ""
