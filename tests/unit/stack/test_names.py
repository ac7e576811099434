"""The names of stacks tell the local ones from those of a real tenancy."""

import pytest

from common.progress import StepError
from stack import names


@pytest.mark.parametrize(
    ("name", "is_local"),
    [("local", True), ("local-prod", True), ("dev", False), ("locals", False), ("x-local", False)],
)
def test_a_stack_is_local_by_the_beginning_of_its_name(name: str, *, is_local: bool) -> None:
    assert names.is_local(name) is is_local


@pytest.mark.parametrize("name", ["local-", "Prod", "a_b", "1st", ""])
def test_a_name_that_no_stack_can_have_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(StepError, match="lower-case letters, digits and dashes"):
        names.stack_name(name)


@pytest.mark.parametrize("name", ["dev", "local-prod", "pr-12", "x"])
def test_a_name_of_letters_digits_and_dashes_is_taken(name: str) -> None:
    assert names.stack_name(name) == name
