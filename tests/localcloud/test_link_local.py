"""The services at link-local addresses, as a machine reaches them."""

import json

import pytest
from oci.core import models

from tests.localcloud.caller import Caller
from tests.localcloud.machine import Machine

METADATA = "http://169.254.169.254/opc"
BEARER = "--header 'Authorization: Bearer Oracle'"


def get(machine: Machine, address: str, path: str, headers: str = BEARER) -> tuple[str, str]:
    """Ask the metadata service from within the machine; return the status and the body."""
    command = f"curl --silent --write-out '\\n%{{http_code}}' {headers} {METADATA}/{path}"
    body, _, status = machine.ssh(address, command).rpartition("\n")
    return status, body


def test_a_machine_reads_what_it_is(cloud: Caller, machine: Machine, address: str) -> None:
    status, body = get(machine, address, "v2/instance/")
    instance = json.loads(body)
    assert status == "200"
    assert (instance["id"], instance["hostname"]) == (machine.id, "auth")
    assert (instance["compartmentId"], instance["tenantId"]) == (
        cloud.compartment,
        cloud.account.tenancy,
    )
    assert instance["metadata"] == machine.keys.metadata
    user_data = machine.keys.metadata["user_data"]
    assert get(machine, address, "v2/instance/metadata/user_data") == ("200", user_data)
    (card,) = json.loads(get(machine, address, "v2/vnics/")[1])
    assert (card["vnicId"], card["subnetCidrBlock"]) == (machine.vnic_id, "10.0.1.0/24")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("v2/instance/", "", "401"),
        ("v2/instance/", f"{BEARER} --header 'X-Forwarded-For: 10.0.0.1'", "403"),
        ("v2/instance/nothing", BEARER, "404"),
        ("v3/instance/", BEARER, "404"),
    ],
)
def test_other_questions_are_refused(
    machine: Machine, address: str, path: str, headers: str, status: str
) -> None:
    assert get(machine, address, path, headers)[0] == status


def test_the_first_version_answers_until_it_is_disabled(machine: Machine, address: str) -> None:
    def disable(*, disabled: bool) -> None:
        options = models.InstanceOptions(are_legacy_imds_endpoints_disabled=disabled)
        machine.caller.compute.update_instance(
            machine.id, models.UpdateInstanceDetails(instance_options=options)
        )

    assert get(machine, address, "v1/instance/id", headers="") == ("200", machine.id)
    disable(disabled=True)
    assert get(machine, address, "v1/instance/id", headers="")[0] == "404"
    assert get(machine, address, "v2/instance/id")[0] == "200"
    disable(disabled=False)


def test_a_machine_reads_its_new_name(machine: Machine, address: str) -> None:
    details = models.UpdateInstanceDetails(display_name="read back")
    machine.caller.compute.update_instance(machine.id, details)
    assert get(machine, address, "v2/instance/displayName") == ("200", "read back")


def test_names_are_resolved_at_the_clouds_resolver(machine: Machine, address: str) -> None:
    assert "nameserver 169.254.169.254" in machine.ssh(address, "cat /etc/resolv.conf")
    assert machine.ssh(address, "getent hosts registry").endswith("registry")


def connects(machine: Machine, address: str, portal: str, *, user: str) -> bool:
    program = f"import socket; socket.create_connection(('{portal}', 3260), 5); print('open')"
    return machine.ssh(address, f'sudo -u {user} python3 -c "{program}"') == "open"


@pytest.mark.parametrize("portal", ["169.254.0.2", "169.254.2.2"])
def test_an_iscsi_portal_is_open_to_root_alone(machine: Machine, address: str, portal: str) -> None:
    assert connects(machine, address, portal, user="root")
    assert not connects(machine, address, portal, user="nobody")
