"""The choice of the release that a rollback runs again."""

import dataclasses
from collections.abc import Sequence

from .desired import Desired
from .documents import SCHEMA
from .errors import ReleaseError
from .records import Record, Records

_NEVER_SERVED = {"failed": "it failed", "interrupted": "it was interrupted", "started": "it began"}


def target(
    records: Records, number: int | None, *, live: int | None, went_back: Record | None
) -> Record:
    """Return the record of release `number`; without a number, of the newest earlier release.

    `went_back` is a release that just gave way to the live release: then a number is necessary, as
    a caller without one may not know of that.

    Raises ReleaseError, with the reason, for a release that can't be run again.
    """
    replaced = [record for record in records.all() if record.outcome == "replaced"]
    usable = [record for record in replaced if record.schema <= SCHEMA]
    newer = [record.number for record in replaced if record not in usable]
    if number is None and went_back and usable:
        raise ReleaseError(
            f"release {went_back.number} failed already, and release {live} is live again. To go "
            f"back further, name a release: {_listed([record.number for record in usable])}"
        )
    if number is None:
        if usable:
            return usable[0]
        made = f" (a newer release tool made {_listed(newer)})" if newer else ""
        raise ReleaseError(f"there is no earlier release to roll back to{made}")
    for record in usable:
        if record.number == number:
            return record
    choice = _listed([record.number for record in usable])
    way_out = f"Choose from: {choice}" if choice else "There is no earlier release to roll back to"
    raise ReleaseError(
        f"can't roll back to release {number}: {_obstacle(records, number, live)}. {way_out}"
    )


def complete(target: Record, live: Record | None) -> Desired:
    """Return the desired state of an earlier release, with all its secrets.

    The history of an earlier VM has no values of secrets. The live release's take their place, by
    name; ReleaseError names a secret that it does not have.
    """
    if not target.lacks:
        return target.desired
    values = live.desired.secrets if live else {}
    missing = [name for name in target.lacks if name not in values]
    if missing:
        raise ReleaseError(
            f"release {target.number} ran on an earlier VM, whose secrets are stored nowhere, and "
            f"the live release has no {', '.join(missing)}. Set auth:serviceSecrets, and `make up` "
            "releases it; then roll back again"
        )
    secrets = {name: values[name] for name in target.desired.secrets}
    return dataclasses.replace(target.desired, secrets=secrets)


def _obstacle(records: Records, number: int, live: int | None) -> str:
    """Return the reason why a release can't be run again."""
    if number == live:
        return "it is live already"
    if reason := records.unreadable().get(number):
        return f"its record can't be read ({reason})"
    record = records.get(number)
    if record and record.outcome in _NEVER_SERVED:
        return f"{_NEVER_SERVED[record.outcome]}, and it never served"
    if record:
        return "a newer release tool made it, and this one would run it in part only"
    if number < 1 or number >= records.next_number():
        return f"there was no such release; the newest is {records.next_number() - 1}"
    return "it is too old, and its record is deleted (`keep` in the desired state)"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
