"""Moments in the form that records, copies and messages have: RFC 3339, in UTC, whole seconds."""

import calendar
import re
import time

PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def text(seconds: float | None = None) -> str:
    """Return the text of a moment in seconds since 1970; without one, of the present moment."""
    return time.strftime(_FORMAT, time.gmtime(seconds))


def seconds(text: str) -> int:
    """Return the seconds since 1970 of a moment's text; raise ValueError for another text."""
    return calendar.timegm(time.strptime(text, _FORMAT))


def precise(text: str) -> float:
    """Return the seconds since 1970 of Docker's text for a moment, with nine decimals."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return seconds(f"{whole}Z") + float(f"0.{fraction or 0}")
