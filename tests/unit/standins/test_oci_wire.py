"""Pulumi's properties as Oracle's bodies, and back."""

from common import client_hosts
from standins import oci_wire


def test_names_and_texts_go_out_as_the_api_has_them() -> None:
    body = oci_wire.outbound(
        {
            "sizeInGbs": "50",
            "shapeConfig": {"ocpus": 2, "memoryInGbs": 12},
            "createVnicDetails": {"assignPublicIp": "false"},
            "rules": [{"stateless": True}],
        }
    )

    assert body == {
        "sizeInGBs": 50,
        "shapeConfig": {"ocpus": 2, "memoryInGBs": 12},
        "createVnicDetails": {"assignPublicIp": False},
        "rules": [{"isStateless": True}],
    }


def test_an_answer_comes_in_as_the_official_plugin_has_it() -> None:
    seen = oci_wire.inbound(
        {
            "lifecycleState": "AVAILABLE",
            "sizeInGBs": 50,
            "description": None,
            "timeCreated": "2026-01-02T03:04:05.120000+00:00",
        }
    )

    assert seen == {
        "state": "AVAILABLE",
        "sizeInGbs": "50",
        "timeCreated": "2026-01-02 03:04:05.12 +0000 UTC",
    }


def test_keys_of_the_users_own_are_not_translated() -> None:
    theirs = {"freeformTags": {"state": "new", "sizeInGbs": "7"}, "metadata": {"enabled": "yes"}}

    assert oci_wire.outbound(theirs) == theirs
    assert oci_wire.inbound(theirs) == theirs


def test_objects_in_a_list_become_lists_of_one() -> None:
    (seen,) = oci_wire.listed([{"launchOptions": {"firmware": "x"}, "freeformTags": {"a": "b"}}])

    assert seen == {"launchOptions": [{"firmware": "x"}], "freeformTags": {"a": "b"}}


def test_a_launch_names_its_image() -> None:
    body = oci_wire.instance_body(
        {"sourceDetails": {"sourceType": "image", "sourceId": "ocid1.image"}, "shape": "s"}
    )

    assert body["sourceDetails"] == {"sourceType": "image", "imageId": "ocid1.image"}


def test_overrides_are_read_as_the_official_plugin_reads_them() -> None:
    assert client_hosts.read("a.B=http://x:1;c.D=http://y:2") == {
        "a.B": "http://x:1",
        "c.D": "http://y:2",
    }
    assert client_hosts.read("") == {}
