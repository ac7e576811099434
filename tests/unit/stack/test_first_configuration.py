"""Before `make init` writes anything, it refuses each value that breaks a rule of the program."""

import builtins
import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import first_configuration
from stack.configuration import Configuration
from stack.errors import StackError
from stack.stack import Stack
from tests.unit.examples import configuration


@pytest.fixture(name="stack")
def _stack(tmp_path: Path) -> Stack:
    """Return a stack without an engine: a refusal must not need one."""
    return Stack(name="prod", clone=tmp_path, env={})


def test_a_whole_configuration_has_no_problem() -> None:
    assert first_configuration.problems(configuration()) == []


@pytest.mark.parametrize(
    ("word", "way_out"),
    [
        ("REGION=madrid", "REGION=eu-madrid-1"),
        ("COMPARTMENT=auth", "COMPARTMENT=ocid1.compartment"),
        ("SSH_FROM=home", "SSH_FROM=203.0.113.7/32"),
        ("SSH_FROM=0.0.0.0/0", "pulumi config set --stack prod auth:allowSshFromAnywhere true"),
        ("REPOSITORY=auth-service", "REPOSITORY=ghcr.io/OWNER"),
        ("DOMAIN=https://auth.example.com", "DOMAIN=auth.example.com"),
        ("ALERTS=oncall", "ALERTS=oncall@example.com"),
        ("BUDGET=10", "ALERTS=oncall@example.com"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_with_its_variable(
    stack: Stack, word: str, way_out: str
) -> None:
    with pytest.raises(StackError) as refusal:
        first_configuration.make(stack, [word])

    assert way_out in str(refusal.value)
    assert not stack.configuration.file.exists()


def test_all_broken_values_are_refused_at_once(stack: Stack) -> None:
    with pytest.raises(StackError) as refusal:
        first_configuration.make(stack, ["REGION=madrid", "BUDGET=ten"])

    assert "oci:region" in str(refusal.value)
    assert "auth:monthlyBudget" in str(refusal.value)


def test_a_value_is_judged_together_with_those_in_the_file(stack: Stack) -> None:
    stack.configuration.file.write_text("config:\n  auth:alertEmails: [oncall@example.com]\n")

    with pytest.raises(StackError) as refusal:
        first_configuration.make(stack, ["BUDGET=10", "REGION=madrid"])

    assert "auth:monthlyBudget" not in str(refusal.value), "the addresses are in the file"


def test_the_same_token_for_builder_and_server_is_refused(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "token.txt"
    file.write_text("ghp_secret")
    file.chmod(0o600)

    with pytest.raises(StackError) as refusal:
        first_configuration.make(stack, [f"PUSH_TOKEN={file}", f"PULL_TOKEN={file}"])

    assert "PULL_TOKEN=read-token.txt" in str(refusal.value)
    assert "ghp_secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("staging", "there is no Pulumi.staging.yaml"),
        ("local", "on this machine alone"),
        ("prod", "the new stack itself"),
    ],
)
def test_the_registry_is_shared_by_another_stack_that_is_there(
    stack: Stack, source: str, reason: str
) -> None:
    (stack.clone / "Pulumi.dev.yaml").write_text("config: {}\n")

    with pytest.raises(StackError, match=rf"{reason}.* Such stacks here: dev\."):
        first_configuration.make(stack, [f"FROM={source}"])


def test_the_local_stack_takes_no_values(tmp_path: Path) -> None:
    local = Stack(name="local", clone=tmp_path, env={})

    with pytest.raises(StackError, match="make init STACK=dev"):
        first_configuration.make(local, ["REGION=eu-madrid-1"])


@pytest.fixture(name="typed")
def _typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield the list of the lines that a person types; in the end none is left."""
    lines: list[str] = []
    monkeypatch.setattr(builtins, "input", lambda _: lines.pop(0))
    monkeypatch.setattr(getpass, "getpass", lambda _: lines.pop(0))
    yield lines
    assert lines == [], "a question was not asked"


def test_a_question_is_repeated_until_its_answer_keeps_the_rules(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    values = configuration(compartmentOcid="", registryPullPassword="")
    typed += ["auth", "ocid1.compartment.oc1..aaaa", "a-token", "another-token"]

    answers = first_configuration.asked(
        {**values, "oci:privateKey": "a-key"}, values, with_optional=False
    )

    assert [*answers] == [
        {"auth:compartmentOcid": "ocid1.compartment.oc1..aaaa"},
        {"auth:registryPullPassword": "another-token"},
    ]
    shown = capsys.readouterr().err
    assert "auth:compartmentOcid is 'auth'" in shown
    assert "a-token" not in shown


def test_optional_values_of_a_new_stack_are_asked_and_may_stay_empty(typed: list[str]) -> None:
    values = {**configuration(monthlyBudget="0"), "oci:privateKey": "a-key"}
    given = {*values} - {"auth:monthlyBudget"}
    typed += ["", "", "20"]

    answers = first_configuration.asked(values, given, with_optional=True)

    assert [*answers] == [{}, {}, {"auth:monthlyBudget": "20"}]


def test_a_stack_without_a_token_that_can_push_is_led_to_a_promotion(
    typed: list[str],
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = {**configuration(registryPassword=""), "oci:privateKey": "a-key"}
    typed.append("")
    monkeypatch.setattr(Configuration, "values", lambda _: values)

    assert [*first_configuration.asked(values, values, with_optional=False)] == [{}]
    assert first_configuration._report(stack) == 1

    assert "make promote FROM=dev TO=prod" in capsys.readouterr().err


def test_the_end_of_the_input_stops_the_questions_as_ctrl_c_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def end(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", end)
    values = {**configuration(compartmentOcid=""), "oci:privateKey": "a-key"}

    with pytest.raises(KeyboardInterrupt):
        next(first_configuration.asked(values, values, with_optional=False))
