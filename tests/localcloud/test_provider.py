"""Operations that the official provider calls beside the resources' own."""

from pathlib import Path
from typing import Any

import oci
import pytest
import requests
from oci.core import models

from localcloud.state.account import Account
from localcloud.state.home import Home
from tests.localcloud.caller import Caller, eventually, refused
from tests.localcloud.launches import launch_details
from tests.localcloud.machine import Machine
from tests.localcloud.served import served


def update(machine: Machine, **fields: Any) -> str:
    """Update the machine's instance; return the work request that was begun."""
    details = models.UpdateInstanceDetails(**fields)
    answer = machine.caller.compute.update_instance(machine.id, details)
    return str(answer.headers["opc-work-request-id"])


def test_an_update_has_a_work_request_that_ends_when_the_machine_is_back(
    cloud: Caller, machine: Machine, address: str
) -> None:
    def status(request: str) -> str:
        return str(cloud.work_requests.get_work_request(request).data.status)

    assert status(update(machine, display_name="tracked")) == "SUCCEEDED"
    size = cloud.compute.get_instance(machine.id).data.shape_config
    bigger = models.UpdateInstanceShapeConfigDetails(memory_in_gbs=size.memory_in_gbs + 1)
    rebooting = update(machine, shape_config=bigger)
    assert status(rebooting) == "IN_PROGRESS"
    eventually("the work request", lambda: status(rebooting), "SUCCEEDED")
    assert machine.state == "RUNNING"
    machine.wait_for_ssh(address)
    (resource,) = cloud.work_requests.get_work_request(rebooting).data.resources
    assert (resource.identifier, resource.action_type) == (machine.id, "UPDATED")
    listed = cloud.work_requests.list_work_requests(cloud.compartment, resource_id=machine.id).data
    assert rebooting in [request.id for request in listed]


def test_a_launch_that_fails_says_so_in_its_work_request(tmp_path: Path) -> None:
    """Nothing was prepared for machines here: a launch must fail."""
    home = Home.open(tmp_path / "home")
    with served(home):
        caller = Caller(home, Account.open(home))
        subnet = caller.subnet(caller.vcn())
        launched = caller.compute.launch_instance(launch_details(caller, subnet))
        request = launched.headers["opc-work-request-id"]
        eventually(
            "the launch",
            lambda: caller.work_requests.get_work_request(request).data.status,
            "FAILED",
        )
        (problem,) = caller.work_requests.list_work_request_errors(request).data
        assert "docker" in problem.message


def test_the_answers_have_what_the_provider_reads(cloud: Caller, machine: Machine) -> None:
    instance = cloud.compute.get_instance(machine.id).data
    assert (instance.system_tags, instance.security_attributes) == ({}, {})
    (attachment,) = cloud.compute.list_boot_volume_attachments(
        cloud.domains[0], cloud.compartment, instance_id=machine.id
    ).data
    boot_volume = cloud.storage.get_boot_volume(attachment.boot_volume_id).data
    assert boot_volume.system_tags == {}
    policies = cloud.storage.get_volume_backup_policy_asset_assignment(boot_volume.id).data
    assert policies == []
    assert cloud.network.list_ipv6s(vnic_id=machine.vnic_id).data == []


def test_an_instance_takes_the_extended_metadata_that_is_always_sent(machine: Machine) -> None:
    update(machine, extended_metadata={"team": {"name": "auth"}})
    instance = machine.caller.compute.get_instance(machine.id).data
    assert instance.extended_metadata == {"team": {"name": "auth"}}
    update(machine, extended_metadata={})
    assert machine.caller.compute.get_instance(machine.id).data.extended_metadata == {}


def test_a_resource_moves_to_another_compartment(caller: Caller, vcn: Any) -> None:
    details = models.ChangeVcnCompartmentDetails(compartment_id=caller.account.tenancy)
    moved = caller.network.change_vcn_compartment(vcn.id, details)
    request = moved.headers["opc-work-request-id"]
    assert caller.work_requests.get_work_request(request).data.status == "SUCCEEDED"
    assert caller.network.get_vcn(vcn.id).data.compartment_id == caller.account.tenancy
    nowhere = models.ChangeVcnCompartmentDetails(compartment_id="ocid1.compartment.oc1..none")
    refused(404, "NotAuthorizedOrNotFound", caller.network.change_vcn_compartment, vcn.id, nowhere)


def test_a_resource_that_was_moved_can_be_deleted(caller: Caller, vcn: Any) -> None:
    details = models.ChangeVcnCompartmentDetails(compartment_id=caller.account.tenancy)
    caller.network.change_vcn_compartment(vcn.id, details)
    caller.network.delete_vcn(vcn.id)
    refused(404, "NotAuthorizedOrNotFound", caller.network.get_vcn, vcn.id)


@pytest.mark.parametrize(
    "path",
    ["/20200501/networkLoadBalancers", "/20160918/natGateways", "/20160918/topics", "/n/x/b/y/o/z"],
)
def test_what_is_not_modelled_is_refused_at_once(caller: Caller, path: str) -> None:
    """Refused by 400: after a 404 a provider waits, or takes the resource for gone."""
    answer = signed(caller, "GET", path)
    assert (answer.status_code, answer.json()["code"]) == (400, "NotImplemented")
    assert f"GET {path}" in answer.json()["message"]


def test_an_object_to_store_is_refused_by_name_although_no_header_describes_it(
    caller: Caller,
) -> None:
    storage = oci.object_storage.ObjectStorageClient(
        dict(caller.config),
        service_endpoint=caller.home.endpoint,
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )
    text = refused(400, "NotImplemented", storage.put_object, "space", "bucket", "a.txt", b"text")
    assert "PUT /n/space/b/bucket/o/a.txt" in text


def test_the_provider_is_answered_when_the_machine_is_back_and_told_of_no_work_request(
    cloud: Caller, machine: Machine, address: str
) -> None:
    size = cloud.compute.get_instance(machine.id).data.shape_config
    answer = signed(
        cloud,
        "PUT",
        f"/20160918/instances/{machine.id}",
        json={"shapeConfig": {"memoryInGBs": size.memory_in_gbs + 1}},
        user_agent="Oracle-GoSDK/65.1 (go/go1.24; linux/amd64; terraform/2.38; terraform-cli/) x/y",
    )
    assert (answer.status_code, answer.headers["opc-work-request-id"]) == (200, ",")
    assert machine.state == "RUNNING"
    machine.wait_for_ssh(address)


def signed(
    caller: Caller, method: str, path: str, user_agent: str = "test", **body: Any
) -> requests.Response:
    signer = oci.signer.Signer(
        *(caller.config[key] for key in ("tenancy", "user", "fingerprint", "key_file"))
    )
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            f"{caller.home.endpoint}{path}",
            auth=signer,
            headers={"User-Agent": user_agent},
            timeout=120,
            **body,
        )
