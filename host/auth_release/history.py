"""The history of a service's releases, in places that outlive the VM: data volume and bucket.

A new VM takes it up, so that its releases are numbered on, and an earlier release can run again.
The history has no secrets: neither place needs them, and a rollback takes the live release's.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import data_volume
from .backup import Backup
from .bucket import Bucket, MissingObjectError
from .containers import DATA
from .documents import read
from .errors import ReleaseError
from .failures import reason
from .files import write_atomically
from .records import STATE, Record, Records

FORMAT = 1
_OBJECT = "releases.json"
_ENDED = {"live": "replaced", "started": "interrupted"}  # outcomes once the VM is gone
Show = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The bucket with the histories, and by service the prefix of its keys."""

    bucket: Bucket
    prefixes: Mapping[str, str]


def keep(records: Records, service: str, *, show: Show) -> None:
    """Store the history of a service; a failure is shown, as the releases go on without it."""
    text = json.dumps(document(records))
    places: dict[str, Callable[[], None]] = {
        "on the data volume": lambda: _write(service, text),
        "in the bucket": lambda: _upload(service, text),
    }
    for place, store in places.items():
        try:
            store()
        except (ReleaseError, OSError) as error:
            show(f"The history of releases is not stored {place}: {reason(error)}")


def document(records: Records) -> dict[str, Any]:
    """Return the readable records without secrets, as JSON's values.

    The fingerprint goes with the secrets: it is a hash of them, too.
    """
    return {"format": FORMAT, "releases": [_without_secrets(each) for each in records.all()]}


def take_up(source: bytes, *, show: Show) -> None:
    """Take up the history of each service that has no release on this host.

    `source` is a Source as JSON, or empty without a bucket. A failure is shown: a new VM must
    come up without its history, too.
    """
    texts: dict[str, Callable[[], str | bytes]] = {}
    if source:
        place = read(Source, json.loads(source), strict=True)
        for service, prefix in place.prefixes.items():
            texts[service] = functools.partial(place.bucket.get, f"{prefix}/{_OBJECT}")
    # newer than the bucket's, if the volume is still there
    texts |= {path.stem: path.read_text for path in _folder().glob("*.json")}
    for service, text in texts.items():
        records = Records(STATE, service)
        if records.next_number() > 1:
            continue
        try:
            count = _take_up(records, json.loads(text()))
        except MissingObjectError:
            continue  # the first VM of the stack
        except (ReleaseError, OSError, ValueError, LookupError, TypeError) as error:
            show(
                f"The history of {service} can't be taken up, so its releases begin with 1 again: "
                f"{reason(error)}"
            )
            continue
        show(f"Took up the history of {service}: {count} releases of an earlier VM")


def _take_up(records: Records, history: Mapping[str, Any]) -> int:
    # all are read before the first is stored: half a history would be taken for the whole
    earlier = [Record.read(stored) for stored in history["releases"]]
    for record in earlier:
        records.save(
            dataclasses.replace(
                record,
                outcome=_ENDED.get(record.outcome, record.outcome),
                address="",
                host_port=0,
                standby=0,
                unfinished="",
            )
        )
    return len(earlier)


def _without_secrets(record: Record) -> dict[str, Any]:
    whole = record.document()
    del whole["fingerprint"]
    names = sorted(record.desired.secrets)
    desired = {**whole["desired"], "secrets": dict.fromkeys(names, "")}
    return {**whole, "desired": desired, "lacks": names}


def _write(service: str, text: str) -> None:
    if data_volume.problem():
        return  # `status` reports it
    _folder().mkdir(mode=0o700, exist_ok=True)
    write_atomically(_folder() / f"{service}.json", text, mode=0o600)


def _upload(service: str, text: str) -> None:
    if Backup.is_configured(service):
        backup = Backup.of(service)
        backup.objects.put(f"{backup.prefix}/{_OBJECT}", text.encode())


def _folder() -> Path:
    return DATA / ".releases"
