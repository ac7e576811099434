"""One operation of the API: its name and path in Oracle's reference, and how to answer it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from localcloud.api import errors, paging, wire
from localcloud.api.wire import Details, Record
from localcloud.cloud import Cloud

R = TypeVar("R", bound=Record)
D = TypeVar("D", bound=Details)


@dataclass(frozen=True, kw_only=True)
class Call:
    cloud: Cloud
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    request: str  # method, target and digest of the body: what a retry token stands for
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    name: str
    method: str
    path: str
    answer: Callable[[Call], Reply]
    queries: frozenset[str] = frozenset()
    fields: Sequence[str] = ()  # of the request body, for the coverage page

    @property
    def changes(self) -> bool:
        return self.method != "GET"


def describe(record: Record) -> Reply:
    body = record.wire()
    return Reply(body=body, headers={"etag": etag(record)})


def etag(record: Record) -> str:
    return hashlib.sha256(json.dumps(record.wire(), sort_keys=True).encode()).hexdigest()[:32]


def creates(
    name: str,
    path: str,
    kind: type[R],
    details: type[D],
    make: Callable[[Cloud, D], R],
) -> Operation:
    def answer(call: Call) -> Reply:
        wish = wire.read(details, call.body)
        token, store = call.headers.get("opc-retry-token"), call.cloud.store
        with store.transaction():
            if token and (ocid := store.recall_retry(token, call.request)):
                earlier = store.find(kind, id=ocid)
                if not earlier:
                    raise errors.invalidated_retry_token()
                return describe(earlier[0])
            record = make(call.cloud, wish)
            if token:
                store.remember_retry(token, call.request, _id(record))
        return describe(record)

    return Operation(name=name, method="POST", path=path, answer=answer, fields=_fields(details))


def reads(
    name: str,
    path: str,
    kind: type[R],
    show: Callable[[Cloud, R], R] = lambda _, record: record,
) -> Operation:
    def answer(call: Call) -> Reply:
        return describe(show(call.cloud, call.cloud.store.get(kind, _target(call))))

    return Operation(name=name, method="GET", path=path, answer=answer)


def lists(
    name: str,
    path: str,
    kind: type[Record],
    filters: Sequence[str],
    *,
    required: Sequence[str] = ("compartmentId",),
    also: Sequence[str] = (),
    find: Callable[[Call], Sequence[Record]] | None = None,
) -> Operation:
    """List records, by default those of the store. `find` may heed the parameters in `also`."""

    def answer(call: Call) -> Reply:
        paging.check_required(call.cloud, call.query, required)
        records = find(call) if find else call.cloud.store.find(kind)
        return Reply(**paging.page([record.wire() for record in records], call.query, filters))

    queries = frozenset({*filters, *required, *also, *paging.PARAMETERS})
    return Operation(name=name, method="GET", path=path, answer=answer, queries=queries)


def updates(
    name: str,
    path: str,
    kind: type[R],
    details: type[D],
    change: Callable[[Cloud, R, D], R],
    *,
    show: Callable[[Cloud, R], R] = lambda _, record: record,
) -> Operation:
    def answer(call: Call) -> Reply:
        wish = wire.read(details, call.body)
        with call.cloud.store.transaction():
            record = change(call.cloud, _matching(call, kind, show), wish)
        return describe(show(call.cloud, record))

    return Operation(name=name, method="PUT", path=path, answer=answer, fields=_fields(details))


def deletes(
    name: str,
    path: str,
    kind: type[R],
    remove: Callable[[Cloud, R], object],
) -> Operation:
    def answer(call: Call) -> Reply:
        with call.cloud.store.transaction():
            remove(call.cloud, _matching(call, kind))
        return Reply(status=204)

    return Operation(name=name, method="DELETE", path=path, answer=answer)


def acts(
    name: str,
    path: str,
    kind: type[R],
    details: type[D],
    act: Callable[[Cloud, R, D], Any],
) -> Operation:
    """Post to something that exists; `act` returns the JSON to answer, or None for no content."""

    def answer(call: Call) -> Reply:
        wish = wire.read(details, call.body)
        with call.cloud.store.transaction():
            body = act(call.cloud, call.cloud.store.get(kind, _target(call)), wish)
        return Reply(status=204) if body is None else Reply(body=body)

    return Operation(name=name, method="POST", path=path, answer=answer, fields=_fields(details))


def _matching(
    call: Call, kind: type[R], show: Callable[[Cloud, R], R] = lambda _, record: record
) -> R:
    """Return the record to change, if it is still the one that if-match speaks of."""
    record = call.cloud.store.get(kind, _target(call))
    wanted = call.headers.get("if-match")
    if wanted and wanted != etag(show(call.cloud, record)):
        raise errors.no_etag_match()
    return record


def _target(call: Call) -> str:
    (ocid,) = call.path.values()
    return ocid


def _id(record: Record) -> str:
    return str(record.model_dump(include={"id"})["id"])


def _fields(details: type[Details]) -> list[str]:
    return [wire.camel(name) for name in details.model_fields]
