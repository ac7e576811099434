"""Prometheus' text format, as the service writes it with the library's own code."""

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from host.auth_release import exposition

BOUNDS = (0.01, 0.1, 1.0)


@pytest.fixture(name="registry")
def _registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_labels_survive_the_characters_that_the_format_escapes(registry: CollectorRegistry) -> None:
    counter = Counter("auth_requests", "Requests.", ["route"], registry=registry)
    for route in ("/v1/{id}", 'a "b", c', "back\\slash"):
        counter.labels(route).inc(2)

    read = exposition.samples(generate_latest(registry).decode(), ["auth_requests_total"])

    assert len(read) == 3
    assert set(read.values()) == {2}
    assert {"route": "/v1/{id}"} in [exposition.labels(key) for key in read]


def test_only_the_named_metrics_are_read_and_a_broken_line_is_left_out() -> None:
    text = '# TYPE a counter\na{x="1"} 3\nab{x="1"} 4\na{x="2"} three\na 5 1700000000000\n'

    assert exposition.samples(text, ["a"]) == {'a{x="1"}': 3, "a": 5}


def test_a_counter_that_fell_began_again_with_its_process() -> None:
    assert exposition.growth({"a": 7, "b": 3, "new": 2}, {"a": 5, "b": 10, "gone": 1}) == {
        "a": 2,
        "b": 3,
        "new": 2,
    }


def test_a_percentile_is_within_the_bucket_that_holds_it(registry: CollectorRegistry) -> None:
    seconds = Histogram("auth_seconds", "Seconds.", registry=registry, buckets=BOUNDS)
    for value in [0.005] * 90 + [0.5] * 10:
        seconds.observe(value)
    read = exposition.samples(generate_latest(registry).decode(), ["auth_seconds_bucket"])
    buckets = {float(exposition.labels(key)["le"]): value for key, value in read.items()}

    median, last = (exposition.percentile(buckets, share) for share in (0.5, 0.99))

    assert median is not None
    assert last is not None
    assert 0 < median <= BOUNDS[0]
    assert BOUNDS[1] < last <= BOUNDS[2]


def test_a_percentile_beyond_all_bounds_is_the_last_bound_and_without_observations_nothing() -> (
    None
):
    assert exposition.percentile({0.1: 0, 1.0: 0, math.inf: 5}, 0.5) == 1.0
    assert exposition.percentile({0.1: 0, math.inf: 0}, 0.5) is None
    assert exposition.percentile({}, 0.5) is None
