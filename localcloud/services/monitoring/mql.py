"""The Monitoring Query Language, as far as it is modelled: a query, parsed and evaluated.

    HTTP.isHealthy[1m]{resourceId = "ocid1…"}.groupBy(target).mean() < 0.5
    memoryPercent[5m]{stack = "dev"}.absent(3d)

Source: https://docs.oracle.com/en-us/iaas/Content/Monitoring/Reference/mql.htm
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.api import errors
from localcloud.state.points import Point

_NAME = r"[A-Za-z_][A-Za-z0-9_.$-]*"
_QUERY = re.compile(
    rf"\s*(?P<metric>{_NAME})\s*"
    r"\[(?P<interval>[^\]]*)\]\s*"
    r"(?:\{(?P<dimensions>[^}]*)\}\s*)?"
    r"(?:\.groupBy\((?P<group>[^)]*)\)\s*)?"
    r"\.(?P<statistic>\w+)\((?P<argument>[^)]*)\)\s*"
    r"(?P<predicate>.*?)\s*"
)
_DIMENSION = re.compile(rf'\s*({_NAME})\s*=\s*"([^"]*)"\s*')
_PREDICATE = re.compile(r"(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)")
_DURATION = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_LONGEST_INTERVAL = 86400
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_ABSENT = "absent"
_ABSENT_SECONDS = 7200.0  # Oracle's absence detection period


def _mean(points: Sequence[Point]) -> float:
    return _sum(points) / _count(points)


def _sum(points: Sequence[Point]) -> float:
    return sum(point.value * point.count for point in points)


def _count(points: Sequence[Point]) -> float:
    return float(sum(point.count for point in points))


_STATISTICS: Mapping[str, Callable[[Sequence[Point]], float]] = {
    "mean": _mean,
    "sum": _sum,
    "count": _count,
    "min": lambda points: min(point.value for point in points),
    "max": lambda points: max(point.value for point in points),
}

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query; durations in seconds. Without a comparison it has values and no condition."""

    metric: str
    interval: float
    dimensions: Mapping[str, str]
    group: tuple[str, ...] | None  # None: each stream by itself
    statistic: str
    lookback: float  # of points that matter: the interval, or an absence's detection period
    comparison: str | None
    threshold: float

    @property
    def is_condition(self) -> bool:
        """Whether an alarm can be decided by it."""
        return self.comparison is not None or self.statistic == _ABSENT

    def values(self, points: Sequence[Point], now: float) -> dict[Dimensions, float]:
        """Return the value of the interval that ends now, for each stream or group.

        A stream without a point in the interval has no value; its absence has the value 1, as long
        as it has a point in the detection period.
        """
        streams: dict[Dimensions, list[Point]] = {}
        for point in points:
            if all(point.dimensions.get(name) == value for name, value in self.dimensions.items()):
                streams.setdefault(self._stream(point), []).append(point)
        values: dict[Dimensions, float] = {}
        for stream, of_stream in streams.items():
            current = [point for point in of_stream if now - self.interval < point.at <= now]
            if self.statistic == _ABSENT:
                values[stream] = 0.0 if current else 1.0
            elif current:
                values[stream] = _STATISTICS[self.statistic](current)
        return values

    def holds(self, value: float) -> bool:
        """Return whether the condition is true for a stream's value."""
        if self.comparison is None:
            return value != 0
        return _COMPARISONS[self.comparison](value, self.threshold)

    def _stream(self, point: Point) -> Dimensions:
        names = sorted(point.dimensions) if self.group is None else self.group
        return tuple((name, point.dimensions.get(name, "")) for name in names)


def parse(text: str) -> Query:
    """Parse a query; raise 400 with the name of the part that is not modelled."""
    match = _QUERY.fullmatch(text)
    if match is None:
        raise _refused(text, "it must be metric[interval]{dimensions}.groupBy(name).statistic()")
    interval = _duration(text, match["interval"])
    if interval > _LONGEST_INTERVAL:
        raise _refused(text, f"the interval {match['interval']} is longer than a day")
    statistic, argument = match["statistic"], match["argument"].strip()
    if statistic not in {*_STATISTICS, _ABSENT}:
        known = ", ".join(sorted((*_STATISTICS, _ABSENT)))
        raise _refused(text, f"the statistic {statistic}() is not modelled; modelled: {known}")
    lookback = interval
    if statistic == _ABSENT:
        lookback = _duration(text, argument) if argument else _ABSENT_SECONDS
    elif argument:
        raise _refused(text, f"{statistic}() takes no argument")
    comparison, threshold = _predicate(text, match["predicate"])
    group = match["group"]
    return Query(
        metric=match["metric"],
        interval=interval,
        dimensions=_dimensions(text, match["dimensions"] or ""),
        group=None if group is None else tuple(part.strip() for part in group.split(",")),
        statistic=statistic,
        lookback=max(lookback, interval),
        comparison=comparison,
        threshold=threshold,
    )


def _dimensions(text: str, listed: str) -> dict[str, str]:
    dimensions = {}
    for part in filter(str.strip, listed.split(",")):
        match = _DIMENSION.fullmatch(part)
        if match is None:
            raise _refused(text, f'the filter {part.strip()} is not modelled, only name = "value"')
        dimensions[match[1]] = match[2]
    return dimensions


def _predicate(text: str, predicate: str) -> tuple[str | None, float]:
    if not predicate:
        return None, 0.0
    match = _PREDICATE.fullmatch(predicate)
    if match is None:
        raise _refused(text, f"the predicate {predicate} is not modelled, only > >= < <= == !=")
    return match[1], float(match[2])


def _duration(text: str, duration: str) -> float:
    match = _DURATION.fullmatch(duration.strip())
    if match is None:
        raise _refused(text, f"the duration {duration!r} is not a number with m, h or d")
    return float(int(match[1]) * _UNITS[match[2]])


def _refused(query: str, reason: str) -> Any:
    return errors.invalid_parameter(f"The query {query} can't be evaluated: {reason}.")
