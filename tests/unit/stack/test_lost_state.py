"""A lost state comes back, and no state takes the place of another."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stack import lost_state, remedies
from stack.errors import StackError
from stack.stack import Stack

URN = "urn:pulumi:dev::auth::oci:Core/vcn:Vcn::auth-vcn"
DEPLOYMENT = {"manifest": {"time": "2026-11-27T03:10:00.5Z"}, "resources": [{"urn": URN}]}


@dataclass
class Recorded:
    """A stack whose imports are recorded, in place of the engine."""

    present: list[dict[str, Any]] = field(default_factory=list)
    imported: list[dict[str, Any]] = field(default_factory=list)

    @property
    def stack(self) -> Stack:
        def run(*argv: str) -> None:
            assert argv[:3] == ("stack", "import", "--file")
            self.imported.append(json.loads(Path(argv[3]).read_text()))

        return cast(
            "Stack",
            SimpleNamespace(
                name="dev",
                resources=lambda: self.present,
                create=lambda: None,
                pulumi=SimpleNamespace(run=run),
            ),
        )


@pytest.mark.parametrize(
    "document",
    [
        {"version": 3, "deployment": DEPLOYMENT},
        {"version": 3, "checkpoint": {"stack": "dev", "latest": DEPLOYMENT}},
    ],
    ids=["exported", "object of a bucket"],
)
def test_both_forms_of_a_state_are_imported_as_an_export(
    tmp_path: Path, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text(json.dumps(document))
    recorded = Recorded()

    assert lost_state.put_back(recorded.stack, str(tmp_path / "state")) == 0

    assert recorded.imported == [{"version": 3, "deployment": DEPLOYMENT}]
    printed = capsys.readouterr().out
    assert "1 resources, as of 2026-11-27T03:10:00 UTC" in printed
    assert "make up REFRESH=1 STACK=dev" in printed


OTHER = {"version": 3, "deployment": {"resources": [{"urn": URN.replace(":dev:", ":prod:")}]}}


@pytest.mark.parametrize(
    ("content", "present", "message"),
    [
        (json.dumps({"version": 3, "deployment": DEPLOYMENT}), 2, "has a state, with 2 resources"),
        (json.dumps(OTHER), 0, "is not the state of dev: it has urn:pulumi:prod::"),
        ("[]", 0, "is neither a state of Pulumi"),
        ("{", 0, "is neither a state of Pulumi"),
        (None, 0, "can't be read: No such file"),
    ],
    ids=["a state is there", "another stack", "another document", "no JSON", "no file"],
)
def test_a_state_that_can_not_be_meant_is_refused(
    tmp_path: Path, content: str | None, present: int, message: str
) -> None:
    if content is not None:
        (tmp_path / "state").write_text(content)
    recorded = Recorded(present=[{}] * present)

    with pytest.raises(StackError, match=message):
        lost_state.put_back(recorded.stack, str(tmp_path / "state"))

    assert recorded.imported == []


def test_without_a_file_the_runbook_is_named() -> None:
    with pytest.raises(StackError, match=r"FROM is empty.*The state is lost"):
        lost_state.put_back(Recorded().stack, "")


@pytest.mark.parametrize(("stack", "first"), [("dev", "init"), ("local-prod", "up")])
def test_a_stack_without_a_state_is_new_or_lost(stack: str, first: str) -> None:
    remedy = remedies.remedy(f"error: no stack named '{stack}' found", stack) or ""

    assert f"A new stack: make {first} STACK={stack}." in remedy
    assert 'docs/runbook.md, "The state is lost"' in remedy
