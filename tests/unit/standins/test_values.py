"""Property values on the wire, and their differences."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import property_values
from standins import values

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)
PROPERTIES = st.dictionaries(st.text(max_size=3), TREES, max_size=4)


# a busy machine is no failure
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(PROPERTIES)
def test_properties_come_back_from_the_wire_as_they_went(properties: values.Properties) -> None:
    assert values.from_wire(values.to_wire(properties)) == properties


def test_whole_numbers_come_back_whole() -> None:
    seen = values.from_wire(values.to_wire({"ports": [{"min": 443}], "memory": 6.5}))

    assert repr(seen["ports"]) == "[{'min': 443}]"
    assert repr(seen["memory"]) == "6.5"


@PATIENT
@given(PROPERTIES)
def test_a_value_does_not_differ_from_itself(properties: values.Properties) -> None:
    assert list(values.differences(properties, properties)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"a": 1}, [("a", "ADD")]),
        ({"a": 1}, {}, [("a", "DELETE")]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("a.b[1]", "UPDATE")]),
        ({"a": [1]}, {"a": [1, {"b": 2}]}, [("a[1]", "ADD")]),
        ({"a": [1, 2]}, {"a": [1]}, [("a[1]", "DELETE")]),
        ({"a": {"b": 1}}, {"a": [1]}, [("a", "UPDATE")]),
        ({"a": "1"}, {"a": 1}, [("a", "UPDATE")]),
    ],
)
def test_differences_name_path_and_kind(
    old: values.Properties, new: values.Properties, expected: list[tuple[str, str]]
) -> None:
    assert list(values.differences(old, new)) == expected


def test_unknowns_are_found_at_any_depth() -> None:
    assert values.has_unknowns({"a": [{"b": property_values.UNKNOWN}]})
    assert not values.has_unknowns({"a": [{"b": "known"}]})


def test_what_the_cloud_adds_by_itself_is_no_difference_but_what_somebody_adds_is() -> None:
    inputs = {"rules": [{"to": "a"}], "shape": {"ocpus": 1}, "name": "x"}
    rules = [{"to": "a", "type": "STATIC"}]
    outputs = {"rules": rules, "shape": {"ocpus": 1, "gpus": 0}, "id": 1}

    assert values.seen(inputs, outputs) == inputs
    added = {**outputs, "rules": [*rules, {"to": "b"}]}
    assert values.seen(inputs, added)["rules"] == [{"to": "a"}, {"to": "b"}]
    assert values.seen(inputs, {**outputs, "shape": {"ocpus": 2}})["shape"] == {"ocpus": 2}
