"""Values go into a stack's file beside its comments, and two files are compared without values."""

import pytest
import yaml

from stack.errors import StackError
from stack.stack_file import Differences, with_values

VALUES = {"auth:imageDigest": "sha256:0", "auth:imageRevision": "123456789012"}
COMMENTED = """\
# The stack prod.
encryptionsalt: v1:abc
config:
  oci:region: eu-madrid-1
  # auth:imageDigest: of another stack
  auth:ocpus: 1

  auth:serviceSettings:
    AUTH_CLIENTS: []
  # the end
"""


@pytest.mark.parametrize(
    "text",
    [
        *("", "# nothing yet\n", "config: {}\n", "config:\n", "config:\n    auth:ocpus: 1"),
        *(COMMENTED, "config:\n  auth:ocpus: 1\nencryptionsalt: v1:abc\n"),
    ],
)
def test_values_are_added_and_all_else_stays(text: str) -> None:
    before = yaml.safe_load(text) or {}

    after = with_values(text, VALUES)

    assert yaml.safe_load(after) == {**before, "config": {**(before.get("config") or {}), **VALUES}}
    lines = {line for line in text.split("\n") if line != "config: {}"}
    assert lines - set(after.split("\n")) == set(), "a line is lost"


def test_values_that_are_there_are_replaced_in_their_place() -> None:
    once = with_values(COMMENTED, VALUES)

    again = with_values(once, {**VALUES, "auth:imageDigest": "sha256:1"})

    assert again == once.replace("auth:imageDigest: sha256:0", "auth:imageDigest: sha256:1")


@pytest.mark.parametrize("text", ["config: {auth:ocpus: 1}\n", "- a list\n", "config: [\n"])
def test_a_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="The file of the stack"):
        with_values(text, VALUES)


def test_keys_that_differ_are_named_without_their_values() -> None:
    secret = {"secure": "v1:abc"}
    old = {"a": 1, "b": "true", "gone": "x", "s": secret, "deep": {"same": "1", "other": "1"}}
    new = {"a": "1", "b": False, "s": {"secure": "v1:xyz"}, "deep": {"same": 1, "other": 2, "n": 1}}

    assert Differences.between(old, new) == Differences(
        removed=("gone",), added=("deep.n",), changed=("b", "deep.other")
    )
