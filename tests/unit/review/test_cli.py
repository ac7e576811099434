"""A wrong argument is refused with its value, the rule and an example."""

import pytest

from review import cli


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1.5", ""])
@pytest.mark.parametrize(("command", "flag"), [("images", "keep"), ("ssh-open", "minutes")])
def test_a_number_that_is_none_is_named_with_the_rule(
    command: str, flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, f"--{flag}={value}"]) == 1

    message = capsys.readouterr().err
    assert f"{flag.upper()} is {value!r}; it must be a whole number from 1" in message
    assert "usage:" not in message
