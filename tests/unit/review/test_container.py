"""The changes of a release show names, never values."""

from typing import Any

import pytest

from common.property_values import UNKNOWN
from review.container import Container, Names, containers, others_than
from review.downtime import expect
from tests.unit.review.plans import (
    ADDRESS,
    CLUSTER,
    DB_SYSTEM,
    DEPLOYMENT,
    IMAGE,
    NAMESPACE,
    NODE_POOL,
    RELEASE,
    RULE,
    SERVICE,
    VM,
    VOLUME,
    WORKLOAD,
    plan,
    recorded,
    step,
)

OLD = f"ghcr.io/acme/auth@sha256:{'a' * 64}"
NEW = f"ghcr.io/acme/auth@sha256:{'b' * 64}"


def only(release: tuple[str, str] = RELEASE, **both: tuple[object, object]) -> Container:
    old = {name: values[0] for name, values in both.items()}
    new = {name: values[1] for name, values in both.items()}
    (found,) = containers(plan(step(release, "update", old=old, new=new)))
    return found


def deployment(before: object, after: object) -> dict[str, Any]:
    """Make the change of a workload's Deployment between two planned releases."""

    def inputs(number: object) -> dict[str, Any]:
        return {"metadata": {"annotations": {"auth-on-oci/release": number}}}

    change = step(DEPLOYMENT, "update", old=inputs(before), new=inputs(after))
    urn = f"urn:pulumi:dev::auth::{WORKLOAD[0]}${DEPLOYMENT[0]}::{DEPLOYMENT[1]}"
    change["resourcePreEvent"]["metadata"]["urn"] = urn
    return change


@pytest.mark.parametrize("release", [RELEASE, WORKLOAD])
def test_a_release_shows_its_image_on_a_server_and_on_a_cluster(release: tuple[str, str]) -> None:
    assert only(release, image=(OLD, NEW)).image == ("a" * 12, "b" * 12)


@pytest.mark.parametrize("release", [RELEASE, WORKLOAD])
def test_an_image_that_was_not_asked_for_is_named_on_both_platforms(
    release: tuple[str, str],
) -> None:
    found = plan(step(release, "update", old={"image": OLD}, new={"image": NEW}))

    assert others_than(found, NEW) == []
    assert others_than(found, OLD) == [NEW]


def test_a_release_after_a_rollback_on_a_cluster_is_told_by_its_numbers() -> None:
    (found,) = containers(plan(deployment("3", "4")))

    assert found.name == WORKLOAD[1]
    assert found.numbers == ("3", "4")
    assert containers(plan(deployment(UNKNOWN, UNKNOWN)))[0].numbers == ("", "")


def test_variables_are_told_by_name_as_added_removed_changed_and_uncertain() -> None:
    old = {"STAYS": "11", "GOES": "22", "CHANGES": "33", "MAY_CHANGE": "44"}
    new = {"STAYS": "11", "CHANGES": "34", "COMES": "55", "MAY_CHANGE": UNKNOWN}

    assert only(environment=(old, new)).environment == Names(
        added=("COMES",), removed=("GOES",), changed=("CHANGES",), uncertain=("MAY_CHANGE",)
    )


def test_an_image_of_another_stack_names_its_origin_unless_it_was_there_before() -> None:
    promoted = step(IMAGE, "update", new={"digest": "sha256:0", "origin": "r12 of dev"})

    def origin(old: str, new: str) -> str:
        release = step(RELEASE, "update", old={"image": old}, new={"image": new})
        (found,) = containers(plan(promoted, release))
        return found.origin

    assert origin(OLD, NEW) == "r12 of dev"
    assert origin(NEW, NEW) == ""


def test_an_image_that_is_yet_to_be_built_says_so() -> None:
    found = only(image=(OLD, UNKNOWN))

    assert found.builds
    assert found.image == ("a" * 12, "")


def test_settings_are_told_leaf_by_leaf() -> None:
    old = {"limits": {"memory": "512m", "cpus": "1"}, "port": 8000, "canary": None}
    new = {"limits": {"memory": "1g", "cpus": "1"}, "port": 8000, "canary": {"percent": 10}}

    assert only(settings=(old, new)).settings == {
        "limits.memory": ("512m", "1g"),
        "canary": (None, {"percent": 10}),
    }


def test_a_release_that_is_only_repaired_is_told_by_its_numbers() -> None:
    (found,) = containers(recorded("drift"))

    assert found.numbers == ("1", "2")
    assert found.image == ("", "")


@pytest.mark.parametrize(
    ("what", "operation", "path", "length"),
    [
        (VM, "replace", "availabilityDomain", "minutes"),
        (VM, "update", "shapeConfig.ocpus", "minutes"),
        (VM, "update", "displayName", "none"),
        (VM, "delete", "", "until somebody acts"),
        (ADDRESS, "replace", "", "until somebody acts"),
        (ADDRESS, "update", "displayName", "none"),
        (VOLUME, "delete", "", "until somebody acts"),
        (CLUSTER, "replace", "vcnId", "minutes"),
        (CLUSTER, "update", "kubernetesVersion", "none"),
        (NODE_POOL, "replace", "", "minutes"),
        (NODE_POOL, "update", "nodeConfigDetails.size", "none"),
        (NAMESPACE, "delete", "", "until somebody acts"),
        (SERVICE, "replace", "", "minutes"),
        (WORKLOAD, "update", "image", "none"),
        (VOLUME, "update", "sizeInGbs", "none"),
        (DB_SYSTEM, "replace", "dbVersion", "until somebody acts"),
        (DB_SYSTEM, "delete", "", "until somebody acts"),
        (RULE, "replace", "source", "none"),
        (RELEASE, "update", "image", "none"),
    ],
)
def test_the_downtime_is_that_of_what_changes(
    what: tuple[str, str], operation: str, path: str, length: str
) -> None:
    differs = {path: "update"} if path else {}

    assert expect(plan(step(what, operation, differs=differs))).length == length


def test_the_longest_downtime_is_told() -> None:
    reboot = step(VM, "update", differs={"shapeConfig.ocpus": "update"})
    release = step(RELEASE, "update", new={"image": NEW})

    told = expect(plan(reboot, release))

    assert told.length == "minutes"
    assert told.reasons == ("the VM is rebooted",)


def test_maintenance_is_a_downtime_though_nothing_breaks() -> None:
    maintenance = step(RELEASE, "update", new={"settings": {"maintenance": True}})

    assert expect(plan(maintenance)).length == "until somebody acts"
