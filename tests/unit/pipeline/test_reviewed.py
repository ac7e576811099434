"""When a plan may be applied: as it was reviewed, or where nothing guarded is touched."""

import dataclasses
from typing import Any

import pytest

from pipeline import record
from pipeline.record import Record, Server
from pipeline.reviewed import Decision, decide
from pipeline.verdict import judge
from tests.unit.pipeline.plans import RELEASE, RULE, VM, plan, step

HARMLESS = plan(step(RULE, "create"))
DANGEROUS = plan(step(VM, "replace"))
SERVER = Server(release=7, fingerprint="73fb")
MOVES: dict[str, dict[str, Any]] = {
    "the code": {"tree": "another"},
    "the state of auth-vm": {"state": {"urn:pulumi:dev::auth::vm::auth-vm": "2"}},
    "release 8 runs, 7 ran": {"server": Server(release=8, fingerprint="73fb")},
    "release 7 was changed": {"server": Server(release=7, fingerprint="0000")},
    "auth-7 does not run": {
        "server": dataclasses.replace(SERVER, differs=("auth-7 does not run",))
    },
    "can't be asked now": {"server": None},
    "the plan": {"plan": "another"},
}


def recorded(found: Any, **changes: Any) -> Record:
    verdict = judge(found, labels=())
    known: dict[str, Any] = {
        "stack": "dev",
        "commit": "c",
        "head": "h",
        "tree": "t",
        "plan": record.plan_of(found),
        "dangers": tuple(danger.name for danger in verdict.dangers),
        "allowed": True,
        "state": {"urn:pulumi:dev::auth::vm::auth-vm": "1"},
        "server": SERVER,
    }
    return Record(**{**known, **changes})


def decided(seen: Record | None, found: Any, accepted: str = "", **changes: Any) -> Decision:
    now = recorded(found, allowed=False, **changes)
    return decide(seen, now, judge(found, labels=()), accepted=accepted)


@pytest.mark.parametrize("found", [HARMLESS, DANGEROUS])
def test_what_was_reviewed_is_applied(found: Any) -> None:
    decision = decided(recorded(found), found)

    assert decision.goes_on
    assert decision.moved == ()


@pytest.mark.parametrize("said", MOVES)
def test_what_moved_is_said_and_stops_what_is_guarded(said: str) -> None:
    decision = decided(recorded(DANGEROUS), DANGEROUS, **MOVES[said])

    assert not decision.goes_on
    assert said in decision.moved[0]


@pytest.mark.parametrize("said", MOVES)
def test_what_moved_is_said_and_stops_nothing_else(said: str) -> None:
    decision = decided(recorded(HARMLESS), HARMLESS, **MOVES[said])

    assert decision.goes_on
    assert said in decision.moved[0]


def test_what_is_guarded_needs_a_preview() -> None:
    decision = decided(None, DANGEROUS)

    assert not decision.goes_on
    assert decided(None, HARMLESS).goes_on, "a release needs none"


def test_what_is_guarded_needs_the_label_at_the_preview() -> None:
    assert not decided(recorded(DANGEROUS, allowed=False), DANGEROUS).goes_on


def test_a_danger_that_the_preview_did_not_show_stops() -> None:
    assert not decided(recorded(HARMLESS), DANGEROUS).goes_on


def test_a_plan_that_somebody_read_is_applied_and_no_other() -> None:
    fingerprint = record.plan_of(DANGEROUS)

    assert decided(None, DANGEROUS, accepted=fingerprint).goes_on
    assert not decided(recorded(DANGEROUS), DANGEROUS, accepted="0" * 16).goes_on


def test_a_preview_that_fails_stops_everything() -> None:
    failed = plan(result="failed")

    assert not decided(recorded(failed), failed, accepted=record.plan_of(failed)).goes_on


def test_the_record_comes_out_of_a_comment_as_it_went_in() -> None:
    made = recorded(DANGEROUS, server=dataclasses.replace(SERVER, differs=("a", "b")))

    assert record.find(f"text\n{made.hidden()}\n") == made


@pytest.mark.parametrize("body", ["", "<!-- auth-record x -->", "<!-- auth-record eJw= -->"])
def test_a_comment_without_a_readable_record_has_none(body: str) -> None:
    assert record.find(body) is None


def test_merging_changes_the_names_of_image_and_release_and_not_the_plan() -> None:
    def found(commit: str) -> Any:
        image = ("docker:index/image:Image", "auth-image")
        inputs = {"revision": commit, "imageName": f"auth:sha-{commit}"}
        differs = {"imageName": "update"}
        return plan(
            step(RELEASE, "update", new=inputs), step(image, "update", new=inputs, differs=differs)
        )

    assert record.plan_of(found("aaa")) == record.plan_of(found("bbb"))


def test_another_value_of_a_cloud_resource_is_another_plan() -> None:
    def found(source: str) -> Any:
        return plan(step(RULE, "create", new={"source": source}))

    assert record.plan_of(found("192.0.2.1/32")) != record.plan_of(found("0.0.0.0/0"))


def test_a_secret_that_is_encrypted_anew_is_no_move() -> None:
    def state(ciphertext: str) -> dict[str, str]:
        secret = {"4dabf18193072939515e22adb298388d": "x", "ciphertext": ciphertext}
        return record.state_of([{"urn": "u", "id": "i", "outputs": {"key": secret}}])

    assert state("v1:one") == state("v1:two")
