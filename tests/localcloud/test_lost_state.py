"""An empty state is no new stack while the stack's server is in the emulated cloud."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localcloud.ocids import REGION
from stack import lost_state
from stack.errors import StackError
from stack.stack import Stack
from tests.localcloud.caller import Caller, eventually
from tests.localcloud.launches import launch_details

ROOT = {"type": "pulumi:pulumi:Stack"}
VCN = {"type": "oci:Core/vcn:Vcn"}


def stack_of(caller: Caller, name: str, **values: str) -> Stack:
    account = caller.account
    configured = {
        "oci:tenancyOcid": account.tenancy,
        "oci:userOcid": account.user,
        "oci:fingerprint": account.fingerprint,
        "oci:region": REGION,
        "oci:privateKeyPath": str(account.private_key_file),
        "auth:compartmentOcid": account.compartment,
        **values,
    }
    hosts = f"oci_core.ComputeClient={caller.home.endpoint}"
    return cast(
        "Stack",
        SimpleNamespace(
            name=name,
            env={"CLIENT_HOST_OVERRIDES": hosts},
            configuration=SimpleNamespace(values=lambda: configured),
        ),
    )


@pytest.fixture(name="server", scope="module")
def _server(cloud: Caller) -> Iterator[Any]:
    """Yield the VM of a stack `dev`."""
    details = launch_details(cloud, cloud.subnet(cloud.vcn()), display_name="auth-dev")
    launched = cloud.compute.launch_instance(details).data
    yield launched
    if state(cloud, launched) not in {"TERMINATING", "TERMINATED"}:
        cloud.compute.terminate_instance(launched.id)


def state(cloud: Caller, server: Any) -> str:
    return str(cloud.compute.get_instance(server.id).data.lifecycle_state)


def test_the_server_of_an_empty_state_is_named_with_the_way_out(cloud: Caller, server: Any) -> None:
    for resources in ([], [ROOT]):
        with pytest.raises(StackError, match="would make a second server") as refused:
            lost_state.refuse_second_server(stack_of(cloud, "dev"), resources)
        assert "the stack's server is there: auth-dev, " in str(refused.value)
        assert server.id in str(refused.value)
        assert "make state FROM=FILE STACK=dev" in str(refused.value)


@pytest.mark.usefixtures("server")
def test_an_update_that_ended_early_is_repeated(cloud: Caller) -> None:
    lost_state.refuse_second_server(stack_of(cloud, "dev"), [ROOT, VCN])


@pytest.mark.usefixtures("server")
def test_the_server_of_another_stack_is_no_obstacle(cloud: Caller) -> None:
    lost_state.refuse_second_server(stack_of(cloud, "another"), [])


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("key", "value"),
    [("oci:userOcid", "ocid1.user.oc1..nobody"), ("oci:fingerprint", "none")],
)
def test_credentials_that_are_refused_are_left_to_the_program(
    cloud: Caller, key: str, value: str
) -> None:
    lost_state.refuse_second_server(stack_of(cloud, "dev", **{key: value}), [])


def test_a_server_that_was_deleted_is_no_obstacle(cloud: Caller, server: Any) -> None:
    eventually("the server", lambda: state(cloud, server), "RUNNING", seconds=120)
    cloud.compute.terminate_instance(server.id)

    lost_state.refuse_second_server(stack_of(cloud, "dev"), [])
