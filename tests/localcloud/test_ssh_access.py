"""SSH opened and closed in an NSG of the emulated cloud, by Oracle's SDK."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import oci
import pytest

from common.kubeconfig import of_stack
from review import ssh_access
from review.errors import ReviewError
from review.ssh_access import SshAccess
from stack.configuration import Configuration
from stack.errors import StackError
from stack.stack import Stack
from tests.localcloud.caller import Caller

NSG = "oci:Core/networkSecurityGroup:NetworkSecurityGroup"
RUNNER = "203.0.113.9"


@dataclass(frozen=True, kw_only=True)
class ConfigurationInMemory(Configuration):
    """A configuration that needs no engine to be read."""

    entries: Mapping[str, str]

    def values(self) -> dict[str, str]:
        return dict(self.entries)


@dataclass(frozen=True, kw_only=True)
class ConfiguredStack(Stack):
    """A stack with a configuration in memory."""

    entries: Mapping[str, str]

    @property
    def configuration(self) -> Configuration:
        file = self.clone / f"Pulumi.{self.name}.yaml"
        return ConfigurationInMemory(file=file, pulumi=self.pulumi, entries=self.entries)


@pytest.fixture(name="stack")
def _stack(caller: Caller) -> Stack:
    overrides = f"oci_core.VirtualNetworkClient={caller.home.endpoint}"
    env = {"CLIENT_HOST_OVERRIDES": overrides}
    entries = {
        "oci:tenancyOcid": caller.account.tenancy,
        "oci:userOcid": caller.account.user,
        "oci:fingerprint": caller.account.fingerprint,
        "oci:region": caller.config["region"],
        "oci:privateKeyPath": str(caller.account.private_key_file),
    }
    return ConfiguredStack(name="dev", clone=Path(), env=env, entries=entries)


@pytest.fixture(name="nsg")
def _nsg(caller: Caller, vcn: Any) -> str:
    models = oci.core.models
    details = models.CreateNetworkSecurityGroupDetails(
        compartment_id=caller.compartment, vcn_id=vcn.id
    )
    nsg = caller.network.create_network_security_group(details).data.id
    rule = models.AddSecurityRuleDetails(
        direction="INGRESS",
        protocol="6",
        source="198.51.100.0/24",
        source_type="CIDR_BLOCK",
        tcp_options=models.TcpOptions(destination_port_range=models.PortRange(min=22, max=22)),
        description="SSH for deployments",
    )
    caller.network.add_network_security_group_security_rules(
        nsg, models.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=[rule])
    )
    return str(nsg)


@pytest.fixture(name="sources")
def _sources(caller: Caller, nsg: str) -> Callable[[], list[str]]:
    """List the sources of the rules in the NSG, as the cloud has them."""

    def sources() -> list[str]:
        rules = caller.network.list_network_security_group_security_rules(nsg).data
        return sorted(rule.source for rule in rules)

    return sources


def test_one_address_is_let_in_for_ssh_alone_and_taken_out_again(
    stack: Stack, nsg: str, caller: Caller, sources: Callable[[], list[str]]
) -> None:
    opened = SshAccess(stack, nsg)

    opened.open(RUNNER, run="1", minutes=5)

    rules = caller.network.list_network_security_group_security_rules(nsg).data
    (rule,) = [rule for rule in rules if rule.source == f"{RUNNER}/32"]
    assert rule.tcp_options.destination_port_range.min == 22
    assert rule.tcp_options.destination_port_range.max == 22
    assert rule.direction == "INGRESS"
    assert opened.close(run="1") == 1
    assert sources() == ["198.51.100.0/24"], "a rule of the program is gone"


def test_opening_twice_is_opening_once_and_closing_twice_does_no_harm(
    stack: Stack, nsg: str, sources: Callable[[], list[str]]
) -> None:
    opened = SshAccess(stack, nsg)
    for _ in range(2):
        opened.open(RUNNER, run="1", minutes=5)

    assert sources().count(f"{RUNNER}/32") == 1
    assert [opened.close(run="1"), opened.close(run="1")] == [1, 0]


def test_a_run_closes_its_own_and_leaves_the_other_ones_open(
    stack: Stack, nsg: str, sources: Callable[[], list[str]]
) -> None:
    opened = SshAccess(stack, nsg)
    opened.open(RUNNER, run="1", minutes=5)
    opened.open("203.0.113.10", run="2", minutes=5)

    opened.close(run="1")

    assert sources() == ["198.51.100.0/24", "203.0.113.10/32"]


def test_what_a_killed_run_left_open_is_closed_by_the_next(
    stack: Stack, nsg: str, sources: Callable[[], list[str]]
) -> None:
    opened = SshAccess(stack, nsg)
    opened.open(RUNNER, run="killed", minutes=-1)

    opened.open("203.0.113.10", run="2", minutes=5)

    assert sources() == ["198.51.100.0/24", "203.0.113.10/32"]
    (left,) = opened.rules()
    assert left.until - datetime.now(UTC) < timedelta(minutes=5)


def test_credentials_that_can_not_be_used_are_told_without_the_key(nsg: str) -> None:
    entries = {"oci:privateKey": "-----BEGIN hunter2"}
    stack = ConfiguredStack(name="dev", clone=Path(), env={}, entries=entries)

    with pytest.raises(StackError, match="oci credentials of dev") as refused:
        SshAccess(stack, nsg)

    assert "hunter2" not in str(refused.value)


def test_the_nsg_is_found_in_the_state_and_without_it_nothing_is_opened(stack: Stack) -> None:
    class Stated(Stack):
        def resources(self) -> list[dict[str, Any]]:
            return [{"type": NSG, "id": "old", "delete": True}]

    assert ssh_access.of(Stated(name="dev", clone=Path(), env=stack.env)) is None


def test_on_a_cluster_the_rule_leads_to_the_api_of_kubernetes_in_the_nsg_of_its_endpoint(
    stack: ConfiguredStack, nsg: str, tmp_path: Path, caller: Caller
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  auth:platform: cluster\n")

    class Stated(ConfiguredStack):
        def resources(self) -> list[dict[str, Any]]:
            urn = "urn:pulumi:dev::auth::auth:network:ClusterNetwork$oci::auth-{}-nsg"
            return [
                {"type": NSG, "urn": urn.format(name), "id": ocid}
                for name, ocid in (("nodes", "another"), ("endpoint", nsg))
            ]

    access = ssh_access.of(Stated(name="dev", clone=tmp_path, env=stack.env, entries=stack.entries))

    assert access
    access.open(RUNNER, run="7", minutes=5)
    ports = [
        rule.tcp_options.destination_port_range.min
        for rule in caller.network.list_network_security_group_security_rules(nsg).data
        if rule.source == f"{RUNNER}/32"
    ]
    assert ports == [6443]


def test_the_place_that_a_rule_opens_is_the_server_or_the_api_of_the_cluster() -> None:
    kubeconfig = of_stack(
        "clusters: [{cluster: {server: 'https://192.0.2.7:6443', "
        "certificate-authority-data: UEVN}}]",
        cluster_id="ocid1.cluster.oc1..a",
        region="eu-madrid-1",
        stack="dev",
    )

    assert ssh_access.place({"kubeconfig": kubeconfig}) == ("192.0.2.7", 6443)
    assert ssh_access.place({"serverIp": "192.0.2.1"}) == ("192.0.2.1", 22)
    assert ssh_access.place({}) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.0.0/8", "::1", "here", "", "224.0.0.1"])  # noqa: S104
def test_anything_but_one_host_is_refused(address: str) -> None:
    with pytest.raises(ReviewError, match="ADDRESS is"):
        ssh_access.checked(address)


def test_this_machines_address_is_believed_only_if_the_internet_could_reach_it() -> None:
    answers = {"https://checkip.amazonaws.com": "10.1.2.3\n", "https://api.ipify.org": "8.8.8.8"}

    assert ssh_access.own_address(answers.__getitem__) == "8.8.8.8"
    with pytest.raises(ReviewError, match="ADDRESS="):
        ssh_access.own_address(lambda _: "<html>")


def test_a_refusal_of_the_cloud_is_told_in_its_words(stack: Stack) -> None:
    with pytest.raises(ReviewError, match="404-NotAuthorizedOrNotFound"):
        SshAccess(stack, "ocid1.networksecuritygroup.oc1.eu-madrid-1.aaaa").rules()
