"""Lists: filters, order, and pages linked by opc-next-page."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.resources import known_compartment

PARAMETERS = frozenset({"limit", "page", "sortBy", "sortOrder"})
_MOST = 1000
_NEWEST_FIRST = "TIMECREATED"


def check_required(cloud: Cloud, query: Mapping[str, str], required: Sequence[str]) -> None:
    """Raise 400 for an absent parameter, 404 for an unknown compartment."""
    absent = [name for name in required if name not in query]
    if absent:
        raise errors.missing_parameter(absent)
    if "compartmentId" in query:
        known_compartment(cloud, query["compartmentId"])


def page(
    items: Sequence[dict[str, Any]],
    query: Mapping[str, str],
    filters: Mapping[str, str],
    sort_by: Mapping[str, str],
) -> dict[str, Any]:
    """Return body and headers of the page that `query` asks for.

    `filters` has the field by query parameter, `sort_by` the field by sort key.
    """
    matching = [
        item
        for item in items
        if all(str(item.get(filters[name])) == query[name] for name in filters if name in query)
    ]
    ordered = _ordered(matching, query, sort_by)
    start, limit = _start(query.get("page")), _limit(query.get("limit"))
    more = start + limit < len(ordered)
    return {
        "body": ordered[start : start + limit],
        "headers": {"opc-next-page": _token(start + limit)} if more else {},
    }


def _ordered(
    items: list[dict[str, Any]], query: Mapping[str, str], sort_by: Mapping[str, str]
) -> list[dict[str, Any]]:
    if "sortBy" not in query and "sortOrder" not in query:
        return items
    key = query.get("sortBy", _NEWEST_FIRST)
    if key not in sort_by:
        raise errors.invalid_parameter(
            f"sortBy '{key}' is not a sort key here. Sort keys: {', '.join(sort_by) or 'none'}."
        )
    order = query.get("sortOrder", "DESC" if key == _NEWEST_FIRST else "ASC")
    if order not in {"ASC", "DESC"}:
        raise errors.invalid_parameter(f"sortOrder '{order}' is neither ASC nor DESC.")
    return sorted(items, key=lambda item: str(item[sort_by[key]]), reverse=order == "DESC")


def _limit(text: str | None) -> int:
    if text is None:
        return _MOST
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise errors.invalid_parameter(f"limit '{text}' is not a number from 1 to {_MOST}.")
    return int(text)


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode()


def _start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error) as error:
        raise errors.invalid_parameter(f"page '{token}' is no opc-next-page token.") from error
