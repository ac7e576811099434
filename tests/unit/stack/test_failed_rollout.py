"""The way on after a failed release on a cluster, from the engine's log."""

import json

import pytest

from stack import failed_rollout


def failed(kind: str) -> bytes:
    step = {"op": "update", "urn": f"urn:pulumi:s::p::{kind}::auth", "type": kind}
    return json.dumps({"resOpFailedEvent": {"metadata": step, "status": 1, "steps": 0}}).encode()


@pytest.mark.parametrize("kind", ["kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job"])
def test_a_failed_release_leads_to_its_cause(kind: str) -> None:
    said = failed_rollout.advised(failed(kind), "prod")

    assert "goes on serving" in said
    assert "`make status STACK=prod`" in said
    assert "`make logs STACK=prod`" in said


def test_another_failure_is_none_of_a_release() -> None:
    assert failed_rollout.advised(failed("oci:Core/instance:Instance"), "prod") == ""
    assert failed_rollout.advised(b"", "prod") == ""
