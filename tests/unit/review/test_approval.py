"""When a plan may be applied: as it was reviewed, or where nothing guarded is touched."""

import base64
import dataclasses
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from common.property_values import UNKNOWN
from review import snapshot
from review.approval import Decision, decide
from review.consent import Consent
from review.container import others_than
from review.snapshot import Server, Snapshot
from review.verdict import judge
from tests.unit.review.plans import RELEASE, RULE, VM, plan, step

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
    "does not answer now": {"server": None},
    "the plan": {"plan": "another"},
}


def recorded(found: Any, **changes: Any) -> Snapshot:
    verdict = judge(found, labels=())
    known: dict[str, Any] = {
        "stack": "dev",
        "commit": "c",
        "head": "h",
        "tree": "t",
        "plan": snapshot.plan_of(found),
        "dangers": tuple(danger.name for danger in verdict.dangers),
        "state": {"urn:pulumi:dev::auth::vm::auth-vm": "1"},
        "server": SERVER,
    }
    return Snapshot(**{**known, **changes})


GIVEN = Consent(granted=True, reason="ada said yes")


def decided(
    seen: Snapshot | None,
    found: Any,
    accepted: str = "",
    consent: Consent = GIVEN,
    others: Sequence[str] = (),
    **changes: Any,
) -> Decision:
    now = recorded(found, **changes)
    verdict = judge(found, labels=())
    return decide(seen, now, verdict, consent=consent, others=others, accepted=accepted)


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


def test_what_is_guarded_needs_a_consent_that_is_given_now() -> None:
    refused = Consent(granted=False, reason="eve may not")

    decision = decided(recorded(DANGEROUS), DANGEROUS, consent=refused)

    assert not decision.goes_on
    assert decision.reason == "eve may not"
    assert decided(recorded(HARMLESS), HARMLESS, consent=refused).goes_on


def test_an_image_that_was_not_verified_stops_and_no_word_of_anybody_helps() -> None:
    other = ["ghcr.io/acme/auth@sha256:1"]

    for found in (HARMLESS, DANGEROUS):
        decision = decided(recorded(found), found, others=other, accepted=snapshot.plan_of(found))
        assert not decision.goes_on
        assert other[0] in decision.reason


@pytest.mark.parametrize(
    ("image", "others"),
    [
        ("ghcr.io/acme/auth@sha256:0", []),
        ("ghcr.io/acme/auth:sha-abc@sha256:0", []),
        ("ghcr.io/acme/auth@sha256:1", ["ghcr.io/acme/auth@sha256:1"]),
        (UNKNOWN, ["an image that is built only then"]),
    ],
)
def test_an_image_is_told_from_others_by_its_digest(image: str, others: list[str]) -> None:
    found = plan(step(RELEASE, "update", new={"image": image}))

    assert others_than(found, "ghcr.io/acme/auth@sha256:0") == others


def test_a_danger_that_the_preview_did_not_show_stops() -> None:
    assert not decided(recorded(HARMLESS), DANGEROUS).goes_on


def test_a_plan_that_somebody_read_is_applied_and_no_other() -> None:
    fingerprint = snapshot.plan_of(DANGEROUS)

    assert decided(None, DANGEROUS, accepted=fingerprint).goes_on
    assert not decided(recorded(DANGEROUS), DANGEROUS, accepted="0" * 16).goes_on


def test_a_preview_that_fails_stops_everything() -> None:
    failed = plan(result="failed")

    assert not decided(recorded(failed), failed, accepted=snapshot.plan_of(failed)).goes_on


def test_a_record_comes_out_of_its_text_as_it_went_in() -> None:
    made = recorded(DANGEROUS, server=dataclasses.replace(SERVER, differs=("a", "b")))

    assert snapshot.read(made.text()) == made


def test_the_record_of_the_first_version_is_still_read() -> None:
    kept = (Path(__file__).parent / "recorded" / "review-1.txt").read_text()

    read = snapshot.read(kept)

    assert read is not None
    assert (read.stack, read.plan, read.server) == ("dev", "17a63a5f9ae6a35f", SERVER)


def encoded(**values: Any) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(values).encode())).decode()


def test_a_record_with_more_in_it_is_read_and_one_of_a_newer_format_is_not() -> None:
    known = dataclasses.asdict(recorded(DANGEROUS))

    assert snapshot.read(encoded(version=snapshot.VERSION, **known, more=1)) == recorded(DANGEROUS)
    assert snapshot.read(encoded(version=snapshot.VERSION + 1, **known)) is None


@pytest.mark.parametrize("text", ["", "x", "eJw=", encoded(version=1), encoded()])
def test_a_text_that_is_no_record_is_none(text: str) -> None:
    assert snapshot.read(text) is None


def test_merging_changes_the_names_of_image_and_release_and_not_the_plan() -> None:
    def found(commit: str) -> Any:
        image = ("docker:index/image:Image", "auth-image")
        inputs = {"revision": commit, "imageName": f"auth:sha-{commit}"}
        differs = {"imageName": "update"}
        return plan(
            step(RELEASE, "update", new=inputs), step(image, "update", new=inputs, differs=differs)
        )

    assert snapshot.plan_of(found("aaa")) == snapshot.plan_of(found("bbb"))


def test_building_the_image_first_is_no_move() -> None:
    image = step(("docker:index/image:Image", "auth-image"), "update", differs={"x": "update"})
    differs = {"image": "update"}
    before = plan(image, step(RELEASE, "update", new={"image": UNKNOWN}, differs=differs))
    after = plan(step(RELEASE, "update", new={"image": "x@sha256:0"}, differs=differs))
    built = [
        [
            {"urn": kind, "type": kind, "id": made, "outputs": {"image": made}}
            for kind in ("docker:index/image:Image", "auth:image:Image", "pulumi:pulumi:Stack")
        ]
        for made in ("old", "new")
    ]

    assert snapshot.plan_of(before) == snapshot.plan_of(after)
    assert snapshot.state_of(built[0]) == snapshot.state_of(built[1])


def test_another_value_of_a_cloud_resource_is_another_plan() -> None:
    def found(source: str) -> Any:
        return plan(step(RULE, "create", new={"source": source}))

    assert snapshot.plan_of(found("192.0.2.1/32")) != snapshot.plan_of(found("0.0.0.0/0"))


def test_a_secret_that_is_encrypted_anew_is_no_move() -> None:
    def state(ciphertext: str) -> dict[str, str]:
        secret = {"4dabf18193072939515e22adb298388d": "x", "ciphertext": ciphertext}
        return snapshot.state_of([{"urn": "u", "id": "i", "outputs": {"key": secret}}])

    assert state("v1:one") == state("v1:two")
