"""The verdict on plans, with and without the label."""

import pytest

from review import events
from review.errors import ReviewError
from review.verdict import ALLOWING, judge
from tests.unit.review.plans import (
    ADDRESS,
    CLUSTER,
    DB_SYSTEM,
    DEPLOYMENT,
    NAMESPACE,
    NODE_POOL,
    RULE,
    SECRETS,
    VM,
    VOLUME,
    log,
    plan,
    recorded,
    said,
    step,
)

GUARDED = [VM, ADDRESS, VOLUME, DB_SYSTEM, CLUSTER, NODE_POOL, NAMESPACE]


@pytest.mark.parametrize("what", GUARDED)
@pytest.mark.parametrize(
    "operation",
    ["delete", "replace", "create-replacement", "delete-replaced", "discard", "import-replacement"],
)
def test_what_takes_the_vm_its_address_or_a_volume_away_is_blocked(
    what: tuple[str, str], operation: str
) -> None:
    verdict = judge(plan(step(what, operation)), labels=())

    assert verdict.kind == "blocked"
    assert not verdict.passes
    assert [danger.name for danger in verdict.dangers] == [what[1]]


@pytest.mark.parametrize("what", GUARDED)
@pytest.mark.parametrize("operation", ["create", "update", "same", "refresh", "read", "import"])
def test_what_leaves_them_there_passes(what: tuple[str, str], operation: str) -> None:
    assert judge(plan(step(what, operation)), labels=()).kind == "clear"


@pytest.mark.parametrize("operation", ["delete", "replace", "update", "create"])
def test_whatever_happens_to_a_rule_passes(operation: str) -> None:
    assert judge(plan(step(RULE, operation)), labels=()).kind == "clear"


def test_a_release_on_a_cluster_passes_with_its_new_secret() -> None:
    changes = [step(DEPLOYMENT, "update"), step(SECRETS, "replace")]

    assert judge(plan(*changes), labels=()).kind == "clear"


def test_the_label_allows_it_and_the_dangers_are_still_told() -> None:
    verdict = judge(plan(step(VM, "replace")), labels={"bug", ALLOWING})

    assert verdict.kind == "allowed"
    assert verdict.passes
    assert verdict.dangers


def test_another_label_allows_nothing() -> None:
    assert judge(plan(step(VM, "replace")), labels={"allow", "Allow-Replacement"}).kind == "blocked"


@pytest.mark.parametrize(
    "path", ["sourceDetails.sourceId", "sourceDetails.sourceType", "sourceDetails.kmsKeyId"]
)
def test_an_update_that_replaces_the_boot_disk_in_place_is_blocked(path: str) -> None:
    verdict = judge(plan(step(VM, "update", differs={path: "update"})), labels=())

    assert verdict.kind == "blocked"
    assert verdict.dangers[0].what == "the VM's boot disk is replaced"


def test_a_larger_boot_disk_passes() -> None:
    update = step(VM, "update", differs={"sourceDetails.bootVolumeSizeInGbs": "update"})

    assert judge(plan(update), labels=()).kind == "clear"


def test_a_delete_and_a_create_of_one_resource_are_a_replacement() -> None:
    verdict = judge(plan(step(VOLUME, "delete"), step(VOLUME, "create")), labels=())

    assert [danger.what for danger in verdict.dangers] == ["a volume is replaced"]


def test_the_reason_is_the_property_that_forces_it() -> None:
    differs = {"displayName": "update", "availabilityDomain": "update-replace"}

    verdict = judge(plan(step(VM, "replace", differs=differs)), labels=())

    assert verdict.dangers[0].because == "availabilityDomain"


def test_the_reason_is_no_property_of_the_plugins_own() -> None:
    """The oci plugin replaces a VM with other user data because of `__meta`."""
    differs = {"metadata.user_data": "update", "__meta": "update-replace"}

    verdict = judge(plan(step(VM, "replace", differs=differs)), labels=())

    assert verdict.dangers[0].because == "metadata.user_data"


@pytest.mark.parametrize("labels", [(), (ALLOWING,)])
def test_a_preview_that_failed_never_passes(labels: tuple[str, ...]) -> None:
    assert judge(plan(said("error", "no")), labels=labels).kind == "failed"
    assert judge(plan(result="failed"), labels=labels).kind == "failed"
    assert judge(plan(), labels=labels, status=1).kind == "failed"


def test_a_log_that_was_cut_off_never_passes() -> None:
    whole = log(step(RULE, "create")).splitlines(keepends=True)

    assert judge(events.read(b"".join(whole[:-1])), labels=()).kind == "failed"
    assert judge(events.read(b""), labels=()).kind == "failed"


def test_a_step_that_nobody_knows_is_refused_and_not_taken_for_harmless() -> None:
    with pytest.raises(ReviewError, match="'transmogrify'"):
        plan(step(VM, "transmogrify"))


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\f", "\r"])
def test_a_line_end_inside_of_a_message_ends_no_event(end: str) -> None:
    assert plan(said("warning", f"one{end}message")).warnings == (f"one{end}message",)


def test_a_line_that_is_no_json_is_refused() -> None:
    with pytest.raises(ReviewError, match="line 2"):
        events.read(b'{"cancelEvent": {}}\n{')


@pytest.mark.parametrize(
    ("name", "kind", "dangers"),
    [
        ("rule-image-variable", "clear", []),
        ("drift", "clear", []),
        ("vm-reshaped", "clear", []),
        ("vm-replaced", "blocked", ["auth-vm"]),
        ("everything-renamed", "blocked", ["auth-address", "auth-data", "auth-vm"]),
        ("wrong-configuration", "failed", []),
    ],
)
def test_what_the_engine_really_says_is_judged(name: str, kind: str, dangers: list[str]) -> None:
    verdict = judge(recorded(name), labels=())

    assert verdict.kind == kind
    assert sorted(danger.name for danger in verdict.dangers) == dangers
