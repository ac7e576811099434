"""The whole program, `__main__.py`, on a recording engine."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from tests.unit.conftest import Program, Recording
from tests.unit.examples import configuration

Up = Callable[[Program], Recording]
PROGRAM = Path(__file__).parents[2] / "__main__.py"
URNS = """
auth:image:Image$docker:index/image:Image::auth-image
auth:network:Network$oci:Core/defaultRouteTable:DefaultRouteTable::auth-routes
auth:network:Network$oci:Core/defaultSecurityList:DefaultSecurityList::auth-closed
auth:network:Network$oci:Core/internetGateway:InternetGateway::auth-gateway
auth:network:Network$oci:Core/networkSecurityGroup:NetworkSecurityGroup::auth-nsg
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-22-from-198-51-100-0-24
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-443-from-0-0-0-0-0
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-80-from-0-0-0-0-0
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-egress
auth:network:Network$oci:Core/subnet:Subnet::auth-subnet
auth:network:Network$oci:Core/vcn:Vcn::auth-vcn
auth:release:Release$command:remote:Command::auth-release
auth:server:Server$command:remote:Command::auth-data-volume
auth:server:Server$command:remote:Command::auth-provision
auth:server:Server$command:remote:Command::auth-release-tool
auth:server:Server$oci:Core/instance:Instance::auth-vm
auth:server:Server$oci:Core/publicIp:PublicIp::auth-address
auth:server:Server$oci:Core/volume:Volume::auth-data
auth:server:Server$oci:Core/volumeAttachment:VolumeAttachment::auth-data-attachment
pulumi:pulumi:Stack$auth:image:Image::auth
pulumi:pulumi:Stack$auth:network:Network::auth
pulumi:pulumi:Stack$auth:release:Release::auth
pulumi:pulumi:Stack$auth:server:Server::auth
"""


@pytest.fixture(name="program")
def _program(monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    monkeypatch.setattr(pulumi.runtime.config, "is_config_secret", lambda _: True)

    def program() -> None:
        pulumi.runtime.set_all_config(configuration(domain="auth.test"))
        try:
            runpy.run_path(str(PROGRAM), run_name="program")
        finally:
            pulumi.runtime.set_all_config({})

    return program


def test_a_resource_keeps_its_urn(up: Up, program: Program) -> None:
    """By another URN the engine would delete the resource and create another."""
    recorded = up(program)

    assert {urn.removeprefix("urn:pulumi:test::auth::") for urn in recorded.urns} == {*URNS.split()}
