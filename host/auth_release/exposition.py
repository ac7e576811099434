"""Metrics in Prometheus' text format: samples, their growth, and percentiles of histograms.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
from collections.abc import Iterable, Mapping

# a sample's name and labels, as they are written, and its value
Samples = Mapping[str, float]

_LINE = re.compile(r"([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)(?: -?\d+)?", re.ASCII)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', re.ASCII)


def samples(text: str, names: Iterable[str]) -> dict[str, float]:
    """Return the samples with these names; a line that can't be read is left out."""
    wanted = frozenset(names)
    read = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match and match[1].partition("{")[0] in wanted:
            try:
                read[match[1]] = float(match[2])
            except ValueError:
                continue
    return read


def labels(key: str) -> dict[str, str]:
    """Return the labels of a sample."""
    return dict(_LABEL.findall(key.partition("{")[2]))


def growth(now: Samples, before: Samples) -> dict[str, float]:
    """Return the growth of counters; a counter that fell began again at 0 with its process."""
    return {
        key: value - before.get(key, 0) if value >= before.get(key, 0) else value
        for key, value in now.items()
    }


def percentile(buckets: Mapping[float, float], share: float) -> float | None:
    """Return the value beneath which `share` of the observations are; None without observations.

    `buckets` has cumulative counts by upper bound. Within a bucket the observations count as evenly
    spread; beyond the last finite bound, that bound is the answer. Prometheus computes it alike.
    """
    total = buckets.get(math.inf, 0)
    if total <= 0:
        return None
    rank, low, below = share * total, 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= rank and count > below:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / (count - below)
        if not math.isinf(bound):
            low, below = bound, count
    return low
