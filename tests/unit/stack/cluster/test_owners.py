"""The owners of a Deployment's fields after a rollback, as Kubernetes lists them."""

from typing import Any

from stack.cluster import owners
from stack.cluster.api import OWNER

NAMED: dict[str, Any] = {"f:env": {'k:{"name":"NEW"}': {"f:value": {}}}}
FORMER: dict[str, Any] = {"f:env": {'k:{"name":"FORMER"}': {"f:value": {}}}}
PROGRAM = {
    "manager": "pulumi",
    "operation": "Apply",
    "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": NAMED}},
}
CONTROLLER = {"manager": "controller", "operation": "Update", "fieldsV1": {"f:status": {}}}


def rolled_back(**fields: Any) -> dict[str, Any]:
    return {"manager": OWNER, "operation": "Update", "fieldsV1": {"f:metadata": {}, **fields}}


def test_the_program_owns_what_a_rollback_put_there_beside_its_own() -> None:
    entries = [PROGRAM, CONTROLLER, rolled_back(**{"f:spec": {"f:template": FORMER}})]

    *tests, given, taken = owners.given(entries)

    assert [(each["path"][-9:], each["value"]) for each in tests] == [
        ("0/manager", "pulumi"),
        ("2/manager", OWNER),
    ]
    assert given["path"] == "/metadata/managedFields/0/fieldsV1/f:spec"
    assert given["value"] == {
        "f:replicas": {},
        "f:template": {"f:env": {**NAMED["f:env"], **FORMER["f:env"]}},
    }
    assert taken == {"op": "remove", "path": "/metadata/managedFields/2/fieldsV1/f:spec"}


def test_nothing_is_given_twice_or_to_nobody() -> None:
    assert owners.given([PROGRAM, CONTROLLER, rolled_back()]) == []
    assert owners.given([rolled_back(**{"f:spec": {}})]) == []
    assert owners.given([PROGRAM, CONTROLLER]) == []
