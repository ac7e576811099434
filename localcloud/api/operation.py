"""The operations of an API: name and path as in Oracle's reference, and how each is answered.

A module of `services/` builds its operations by the functions here: `creates`, `reads`, `lists`,
`updates`, `deletes` and `acts`. An `Operation` of its own answers anything else.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from localcloud.api import errors, paging, wire
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud

R = TypeVar("R", bound=Resource)
D = TypeVar("D", bound=Details)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request whose signature and query names are checked already."""

    cloud: Cloud
    method: str
    path: Mapping[str, str]  # the parameters of the path, in its order
    query: Mapping[str, str]
    headers: Mapping[str, str]
    request: str  # method, target and digest of the body: a retry token belongs to them
    body: bytes
    is_reporter: bool = False  # whether its user may only post metrics and log entries

    @property
    def target(self) -> str:
        """The identifier of the resource that the path names: its last parameter."""
        *_, identifier = self.path.values()
        return identifier


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer. Its body becomes JSON; text is sent as it is; without both it is empty."""

    status: int = 200
    body: Any = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of an API. A query parameter that is not in `queries` is refused."""

    name: str
    method: str
    path: str
    answer: Callable[[Call], Reply]
    queries: frozenset[str] = frozenset()
    fields: Sequence[str] = ()  # of the request body, for the coverage page
    signed: bool = True  # False: a link of a mail, whose token takes the place of a signature

    @property
    def changes(self) -> bool:
        """Whether the operation may change the cloud."""
        return self.method != "GET"


def describe(resource: Resource) -> Reply:
    """Answer a resource with its etag."""
    return Reply(body=resource.wire(), headers={"etag": etag(resource)})


def etag(resource: Resource) -> str:
    """Return a digest of the answered fields: another etag means another answer."""
    return hashlib.sha256(json.dumps(resource.wire(), sort_keys=True).encode()).hexdigest()[:32]


def once(call: Call, kind: type[R], make: Callable[[], R]) -> R:
    """Return the resource that `make` stores, or that it stored for the same opc-retry-token.

    Call it in a transaction. Raises 409 for a token of another request, or if the resource is gone.
    """
    token, store = call.headers.get("opc-retry-token"), call.cloud.store
    if token and (ocid := store.recall_retry(token, call.request)):
        earlier = store.look_up(kind, ocid)
        if earlier is None:
            raise errors.invalidated_retry_token()
        return earlier
    made = make()
    if token:
        store.remember_retry(token, call.request, made.ocid)
    return made


def creates(
    name: str,
    path: str,
    kind: type[R],
    details_type: type[D],
    make: Callable[[Cloud, D], R],
) -> Operation:
    """Create a resource; the same request with the same opc-retry-token creates it once."""

    def answer(call: Call) -> Reply:
        details = wire.read(details_type, call.body)
        with call.cloud.store.transaction():
            resource = once(call, kind, lambda: make(call.cloud, details))
        return describe(resource)

    return Operation(
        name=name, method="POST", path=path, answer=answer, fields=body_fields(details_type)
    )


def reads(
    name: str,
    path: str,
    kind: type[R],
    show: Callable[[Cloud, R], R] = lambda _, resource: resource,
) -> Operation:
    """Get a resource; `show` completes it by fields that other resources decide."""

    def answer(call: Call) -> Reply:
        return describe(show(call.cloud, call.cloud.store.get(kind, call.target)))

    return Operation(name=name, method="GET", path=path, answer=answer)


def lists(
    name: str,
    path: str,
    kind: type[Resource],
    filters: Sequence[str],
    *,
    required: Sequence[str] = ("compartmentId",),
    also: Sequence[str] = (),
    sort_keys: Sequence[str] = ("TIMECREATED", "DISPLAYNAME"),
    find: Callable[[Call], Sequence[Resource]] | None = None,
) -> Operation:
    """List resources, by default from the store.

    `filters` are query parameters with the name of a field. A request without all of `required`
    is answered 400. `find` may heed the parameters in `also`. A sort key is a field's name in
    capitals.
    """
    fields = {name: wire.camel(kind.identifier) if name == "id" else name for name in filters}
    names = {wire.camel(name).upper(): wire.camel(name) for name in kind.model_fields}
    sort_by = {key: names[key] for key in sort_keys if key in names}

    def answer(call: Call) -> Reply:
        paging.check_required(call.cloud, call.query, required)
        resources = find(call) if find else call.cloud.store.find(kind)
        items = [resource.wire() for resource in resources]
        return Reply(**paging.page(items, call.query, fields, sort_by))

    queries = frozenset({*filters, *required, *also, *paging.PARAMETERS})
    return Operation(name=name, method="GET", path=path, answer=answer, queries=queries)


def updates(
    name: str,
    path: str,
    kind: type[R],
    details_type: type[D],
    change: Callable[[Cloud, R, D], R],
    *,
    show: Callable[[Cloud, R], R] = lambda _, resource: resource,
) -> Operation:
    """Update a resource, unless the if-match header names another etag than it has."""

    def answer(call: Call) -> Reply:
        details = wire.read(details_type, call.body)
        with call.cloud.store.transaction():
            resource = change(call.cloud, _matching(call, kind, show), details)
        return describe(show(call.cloud, resource))

    return Operation(
        name=name, method="PUT", path=path, answer=answer, fields=body_fields(details_type)
    )


def deletes(
    name: str,
    path: str,
    kind: type[R],
    remove: Callable[[Cloud, R], object],
) -> Operation:
    """Delete a resource, unless the if-match header names another etag than it has."""

    def answer(call: Call) -> Reply:
        with call.cloud.store.transaction():
            remove(call.cloud, _matching(call, kind))
        return Reply(status=204)

    return Operation(name=name, method="DELETE", path=path, answer=answer)


def acts(
    name: str,
    path: str,
    kind: type[R],
    details_type: type[D],
    act: Callable[[Cloud, R, D], Any],
) -> Operation:
    """Act on a resource by POST; `act` returns the JSON to answer, None an empty answer."""

    def answer(call: Call) -> Reply:
        details = wire.read(details_type, call.body)
        with call.cloud.store.transaction():
            body = act(call.cloud, call.cloud.store.get(kind, call.target), details)
        return Reply(status=204) if body is None else Reply(body=body)

    return Operation(
        name=name, method="POST", path=path, answer=answer, fields=body_fields(details_type)
    )


def _matching(
    call: Call, kind: type[R], show: Callable[[Cloud, R], R] = lambda _, resource: resource
) -> R:
    """Return the resource to change, if it still has the etag of the if-match header."""
    resource = call.cloud.store.get(kind, call.target)
    expected = call.headers.get("if-match")
    if expected and expected != etag(show(call.cloud, resource)):
        raise errors.no_etag_match()
    return resource


def body_fields(details_type: type[Details]) -> list[str]:
    """Return the fields of a request body, under OCI's names."""
    return [wire.camel(name) for name in details_type.model_fields]
