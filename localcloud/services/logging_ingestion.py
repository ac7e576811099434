"""Oracle Logging's ingestion: entries that are posted to the custom log of this cloud.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/logging-dataplane/20200831/LogEntry/PutLogs
"""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields
from localcloud.api.wire import Details, Resource
from localcloud.service import ResourceType, Service
from localcloud.state import log_entries
from localcloud.state.log_entries import MOST_ENTRIES

SERVICE = Service(title="Logging Ingestion", version="20200831", clients=())
_MOST_BYTES = 1_000_000  # of an entry: "less than 1 MB"


class Log(Resource):
    """The custom log of this cloud; no resource of the store."""

    kind: ClassVar[str] = "log"
    title: ClassVar[str] = "Log"
    id: str


class LogEntry(Details):
    """An entry; `id` is a UUID of its sender's."""

    data: str
    id: str = Field(min_length=1)
    time: AwareDatetime | None = None


class LogEntryBatch(Details):
    """Entries with a source and a type; an entry without a time has the batch's."""

    entries: list[LogEntry] = Field(min_length=1)
    source: str
    type: str
    subject: str | None = None
    defaultlogentrytime: AwareDatetime


class PutLogsDetails(Details):
    """The request with entries."""

    specversion: str
    log_entry_batches: list[LogEntryBatch] = Field(min_length=1)


def _put(call: Call) -> Reply:
    """Keep the entries, all of them or none."""
    cloud = call.cloud
    if cloud.faults.strike("loggingUnavailable"):
        raise errors.service_unavailable()
    if call.target != cloud.account.log:
        raise errors.not_found()
    details = wire.read(PutLogsDetails, call.body)
    if details.specversion != "1.0":
        raise errors.invalid_parameter(f"specversion is {details.specversion!r}; it must be '1.0'.")
    for batch in details.log_entry_batches:
        for entry in batch.entries:
            if len(entry.data.encode()) >= _MOST_BYTES:
                raise errors.invalid_parameter(f"The entry {entry.id} has 1 MB or more.")
    cloud.log_entries.add(
        log_entries.LogEntry(
            id=entry.id,
            log=call.target,
            at=(entry.time or batch.defaultlogentrytime).timestamp(),
            source=batch.source,
            type=batch.type,
            subject=batch.subject or "",
            data=entry.data,
        )
        for batch in details.log_entry_batches
        for entry in batch.entries
    )
    return Reply()


RESOURCE_TYPE = ResourceType(
    resource=Log,
    operations=(
        Operation(
            name="PutLogs",
            method="POST",
            path="/logs/{logId}/actions/push",
            answer=_put,
            fields=body_fields(PutLogsDetails),
        ),
    ),
    limits=f"""
        - The cloud has a single custom log, which `python -m localcloud describe` names, and keeps
          its newest {MOST_ENTRIES:,} entries. Oracle has a search; here
          `.venv/bin/python -m localcloud logs --home .local/cloud` prints them.
        - An entry with the `id` of an earlier entry is another entry.
    """,
)
