"""Stored resources: no request stores a resource that a later request can't read."""

import json
import sqlite3
from pathlib import Path

import pytest
from oci.core import models

from localcloud import server
from localcloud.state.account import Account
from localcloud.state.home import Home
from tests.localcloud.caller import Caller, refused
from tests.localcloud.conftest import localcloud
from tests.localcloud.launches import latest_image, launch_details
from tests.localcloud.served import served


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


@pytest.mark.parametrize("deprecated", [False, True])
def test_a_launch_without_a_boot_volume_size_takes_the_images_and_harms_nothing(
    home: Home, *, deprecated: bool
) -> None:
    with served(home):
        caller = Caller(home, Account.open(home))
        subnet, image = caller.subnet(caller.vcn()), latest_image(caller)
        source = models.InstanceSourceViaImageDetails(image_id=image)
        named = {"image_id": image, "source_details": None} if deprecated else {}
        launched = caller.compute.launch_instance(
            launch_details(caller, subnet, **{"source_details": source, **named})
        ).data
        (attachment,) = caller.compute.list_boot_volume_attachments(
            caller.domains[0], caller.compartment, instance_id=launched.id
        ).data
        assert caller.storage.get_boot_volume(attachment.boot_volume_id).data.size_in_gbs == 47
    with served(home):
        (instance,) = caller.compute.list_instances(caller.compartment).data
        assert instance.id == launched.id


@pytest.mark.parametrize("spoiled", ["not JSON", '{"id": "x"}'])
def test_an_unreadable_resource_takes_nothing_else_down(home: Home, spoiled: str) -> None:
    with served(home):
        caller = Caller(home, Account.open(home))
        bad, good = caller.vcn("10.1.0.0/16"), caller.vcn("10.2.0.0/16")
        subnet = caller.subnet(bad, "10.1.1.0/24")
    spoil(home, bad.id, spoiled)

    with served(home):
        assert [vcn.id for vcn in caller.network.list_vcns(caller.compartment).data] == [good.id]
        assert caller.network.get_subnet(subnet.id).data.cidr_block == "10.1.1.0/24"
        caller.subnet(good, "10.2.1.0/24")
        text = refused(409, "IncorrectState", caller.network.get_vcn, bad.id)
        assert f"localcloud forget --home DIR {bad.id}" in text
        status = server.status(home)
        assert status is not None
        assert [resource["ocid"] for resource in status["unreadable"]] == [bad.id]

        localcloud("forget", "--home", str(home.path), bad.id)

        refused(404, "NotAuthorizedOrNotFound", caller.network.get_vcn, bad.id)
        caller.network.delete_subnet(subnet.id)


def test_a_resource_of_a_newer_version_is_read_without_its_new_fields(home: Home) -> None:
    with served(home):
        caller = Caller(home, Account.open(home))
        vcn = caller.vcn()
    with sqlite3.connect(home.database) as database:
        (body,) = database.execute("SELECT body FROM records WHERE ocid = ?", (vcn.id,)).fetchone()
    spoil(home, vcn.id, json.dumps({**json.loads(body), "ipv9_cidr_blocks": []}))
    with served(home):
        assert caller.network.get_vcn(vcn.id).data.cidr_blocks == vcn.cidr_blocks


def spoil(home: Home, ocid: str, body: str) -> None:
    with sqlite3.connect(home.database) as database:
        database.execute("UPDATE records SET body = ? WHERE ocid = ?", (body, ocid))
