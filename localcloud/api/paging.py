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
_SORT_KEYS = {"TIMECREATED": "timeCreated", "DISPLAYNAME": "displayName"}
_DEFAULT_ORDER = {"TIMECREATED": "DESC", "DISPLAYNAME": "ASC"}


def check_required(cloud: Cloud, query: Mapping[str, str], required: Sequence[str]) -> None:
    absent = [name for name in required if name not in query]
    if absent:
        raise errors.missing_parameter(absent)
    if "compartmentId" in query:
        known_compartment(cloud, query["compartmentId"])


def page(
    items: Sequence[dict[str, Any]], query: Mapping[str, str], filters: Sequence[str]
) -> dict[str, Any]:
    """Return the body and headers of the page that `query` asks for."""
    kept = [
        item
        for item in items
        if all(str(item.get(name)) == query[name] for name in filters if name in query)
    ]
    ordered = _ordered(kept, query)
    start, limit = _start(query.get("page")), _limit(query.get("limit"))
    more = start + limit < len(ordered)
    return {
        "body": ordered[start : start + limit],
        "headers": {"opc-next-page": _token(start + limit)} if more else {},
    }


def _ordered(items: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    if "sortBy" not in query and "sortOrder" not in query:
        return items
    by = query.get("sortBy", "TIMECREATED")
    if by not in _SORT_KEYS:
        raise errors.invalid_parameter(f"sortBy '{by}' is none of {', '.join(_SORT_KEYS)}.")
    order = query.get("sortOrder", _DEFAULT_ORDER[by])
    if order not in {"ASC", "DESC"}:
        raise errors.invalid_parameter(f"sortOrder '{order}' is neither ASC nor DESC.")
    return sorted(items, key=lambda item: str(item[_SORT_KEYS[by]]), reverse=order == "DESC")


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
