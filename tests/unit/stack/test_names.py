"""The names of stacks tell the local ones from those of a real tenancy."""

import pytest

from stack import names


@pytest.mark.parametrize(
    ("name", "is_local"),
    [("local", True), ("local-prod", True), ("dev", False), ("locals", False), ("x-local", False)],
)
def test_a_stack_is_local_by_the_beginning_of_its_name(name: str, *, is_local: bool) -> None:
    assert names.is_local(name) is is_local
