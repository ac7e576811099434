"""The `oci` stand-in: each resource from create to delete, against the emulated cloud."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localcloud import clients
from standins.oci import PLUGIN
from standins.resource import ProviderError, UnfinishedError
from standins.values import Properties
from tests import operation
from tests.localcloud.caller import Caller

ANYWHERE = "0.0.0.0/0"
INTERNET = {"destination": ANYWHERE, "destinationType": "CIDR_BLOCK"}


class Plug:
    """Makes resources as the engine would, and deletes the remaining resources in reverse order."""

    def __init__(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        overrides = clients.overrides(caller.home.endpoint)
        monkeypatch.setenv("CLIENT_HOST_OVERRIDES", overrides)
        self.compartment = caller.compartment
        self.context = operation.context(
            config={
                "tenancyOcid": caller.account.tenancy,
                "userOcid": caller.account.user,
                "fingerprint": caller.account.fingerprint,
                "privateKeyPath": str(caller.account.private_key_file),
                "region": caller.config["region"],
            }
        )
        self._made: list[tuple[str, str, Properties]] = []

    def create(self, kind: str, **inputs: Any) -> tuple[str, Properties]:
        resource = PLUGIN.resources[kind]
        allowed = resource.required | resource.optional
        inputs = {
            **({"compartmentId": self.compartment} if "compartmentId" in allowed else {}),
            **inputs,
        }
        assert resource.required <= set(inputs) <= allowed
        identity, outputs = resource.create(resource.prepare(inputs), self.context)
        self._made.append((kind, identity, outputs))
        return identity, outputs

    def read(self, kind: str, identity: str, state: Properties) -> Properties | None:
        return PLUGIN.resources[kind].read(identity, state, self.context)

    def update(self, kind: str, identity: str, state: Properties, **new: Any) -> Properties:
        resource = PLUGIN.resources[kind]
        inputs = {k: v for k, v in state.items() if k in resource.required | resource.optional}
        return resource.update(identity, state, {**inputs, **new}, self.context)

    def delete(self, kind: str, identity: str, state: Properties) -> None:
        PLUGIN.resources[kind].delete(identity, state, self.context)

    def invoke(self, function: str, **arguments: Any) -> Any:
        return PLUGIN.functions[function](
            {"compartmentId": self.compartment, **arguments}, self.context
        )

    def clean(self) -> None:
        for kind, identity, outputs in reversed(self._made):
            self.delete(kind, identity, outputs)


VCN = "oci:Core/vcn:Vcn"
SUBNET = "oci:Core/subnet:Subnet"
GATEWAY = "oci:Core/internetGateway:InternetGateway"
ROUTES = "oci:Core/defaultRouteTable:DefaultRouteTable"
SECURITY = "oci:Core/defaultSecurityList:DefaultSecurityList"
GROUP = "oci:Core/networkSecurityGroup:NetworkSecurityGroup"
RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
PUBLIC_IP = "oci:Core/publicIp:PublicIp"
TOPIC = "oci:Ons/notificationTopic:NotificationTopic"


@pytest.fixture
def plug(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    plug = Plug(caller, monkeypatch)
    yield plug
    plug.context.cancelled.clear()
    plug.clean()


@pytest.fixture
def network(plug: Plug) -> tuple[str, Properties]:
    return plug.create(VCN, cidrBlocks=["10.0.0.0/16"], dnsLabel="auth", displayName="auth")


def refusal(call: Callable[..., Any], *arguments: Any, **inputs: Any) -> str:
    with pytest.raises(ProviderError) as caught:
        call(*arguments, **inputs)
    return str(caught.value)


def test_a_vcn_comes_with_what_the_program_needs_of_it(
    plug: Plug, network: tuple[str, Properties]
) -> None:
    identity, outputs = network

    assert outputs["state"] == "AVAILABLE"
    assert outputs["defaultRouteTableId"].startswith("ocid1.routetable.")
    assert outputs["vcnDomainName"] == "auth.oraclevcn.com"
    assert plug.read(VCN, identity, outputs) == {**outputs}


def test_a_name_changes_in_place(plug: Plug, network: tuple[str, Properties]) -> None:
    identity, outputs = network
    changed = plug.update(VCN, identity, outputs, displayName="other")

    assert changed["displayName"] == "other"
    outputs_read = plug.read(VCN, identity, changed)
    assert outputs_read is not None
    assert outputs_read["displayName"] == "other"


def test_what_only_the_official_plugin_changes_is_refused(
    plug: Plug, network: tuple[str, Properties]
) -> None:
    text = refusal(plug.update, VCN, *network, cidrBlocks=["10.0.0.0/16", "10.1.0.0/16"])

    assert text.startswith("a change of cidrBlocks is not modelled")


def test_what_is_gone_is_read_as_gone_and_deleted_in_peace(plug: Plug, caller: Caller) -> None:
    identity, outputs = plug.create(VCN, cidrBlocks=["10.0.0.0/16"])
    caller.network.delete_vcn(identity)

    assert plug.read(VCN, identity, outputs) is None
    plug.delete(VCN, identity, outputs)


def test_a_refusal_has_the_official_plugins_words(plug: Plug) -> None:
    text = refusal(plug.create, VCN, cidrBlocks=["10.0.0.0/8"]).splitlines()

    assert text[0].startswith("400-InvalidParameter, ")
    assert text[-2].startswith("Request Target: POST http://")
    assert text[-1].startswith("OPC request ID: ")


def test_a_resource_that_others_need_is_not_deleted(
    plug: Plug, network: tuple[str, Properties], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, outputs = network
    plug.create(SUBNET, vcnId=identity, cidrBlock="10.0.1.0/24")
    monkeypatch.setattr("standins.oci_api._RETRY_SECONDS", {409: 1})

    assert refusal(plug.delete, VCN, identity, outputs).startswith("409-")


def test_a_network_is_built_and_taken_down(
    plug: Plug, network: tuple[str, Properties], caller: Caller
) -> None:
    vcn, outputs = network
    gateway, outputs_read = plug.create(GATEWAY, vcnId=vcn)
    assert outputs_read["state"] == "AVAILABLE"
    routes, _ = plug.create(
        ROUTES,
        manageDefaultResourceId=outputs["defaultRouteTableId"],
        routeRules=[{**INTERNET, "networkEntityId": gateway}],
    )
    (rule,) = caller.network.get_route_table(routes).data.route_rules
    assert rule.network_entity_id == gateway
    listed, state = plug.create(
        SECURITY,
        manageDefaultResourceId=outputs["defaultSecurityListId"],
        egressSecurityRules=[{"protocol": "all", "destination": ANYWHERE}],
    )
    assert not caller.network.get_security_list(listed).data.ingress_security_rules
    plug.update(SECURITY, listed, state, egressSecurityRules=[])
    assert not caller.network.get_security_list(listed).data.egress_security_rules

    subnet, made = plug.create(SUBNET, vcnId=vcn, cidrBlock="10.0.1.0/24", dnsLabel="web")
    assert made["subnetDomainName"] == "web.auth.oraclevcn.com"
    assert made["virtualRouterIp"] == "10.0.1.1"
    assert plug.read(SUBNET, subnet, made) is not None


def test_a_security_rule_is_changed_in_place_and_found_by_its_group(
    plug: Plug, network: tuple[str, Properties]
) -> None:
    group, _ = plug.create(GROUP, vcnId=network[0])
    options = {"destinationPortRange": {"min": 22, "max": 22}}
    rule, state = plug.create(
        RULE,
        networkSecurityGroupId=group,
        direction="INGRESS",
        protocol="6",
        source=ANYWHERE,
        sourceType="CIDR_BLOCK",
        tcpOptions=options,
    )
    changed = plug.update(RULE, rule, state, source="10.0.0.0/8")

    outputs_read = plug.read(RULE, rule, changed)
    assert outputs_read is not None
    assert (outputs_read["source"], outputs_read["tcpOptions"]) == ("10.0.0.0/8", options)
    plug.delete(RULE, rule, changed)
    assert plug.read(RULE, rule, changed) is None


def test_a_public_ip_is_reserved_and_kept(plug: Plug) -> None:
    identity, outputs = plug.create(PUBLIC_IP, lifetime="RESERVED", displayName="auth")

    assert outputs["ipAddress"]
    assert outputs["state"] == "AVAILABLE"
    assert (
        plug.update(PUBLIC_IP, identity, outputs, displayName="b")["ipAddress"]
        == (outputs["ipAddress"])
    )


def test_a_topic_of_another_service_is_made_changed_and_deleted(plug: Plug) -> None:
    identity, outputs = plug.create(TOPIC, name="alarms", description="for alarms")
    assert identity == outputs["topicId"]
    assert outputs["state"] == "ACTIVE"

    changed = plug.update(TOPIC, identity, outputs, description="for pages")

    assert changed["description"] == "for pages"
    assert plug.read(TOPIC, identity, changed) == changed
    plug.delete(TOPIC, identity, changed)
    assert plug.read(TOPIC, identity, changed) is None


def test_images_and_domains_are_listed(plug: Plug, caller: Caller) -> None:
    domains = plug.invoke("oci:Identity/getAvailabilityDomains:getAvailabilityDomains")
    assert [domain["name"] for domain in domains["availabilityDomains"]] == caller.domains
    images = plug.invoke("oci:Core/getImages:getImages", operatingSystem="Canonical Ubuntu")
    assert {image["operatingSystem"] for image in images["images"]} == {"Canonical Ubuntu"}


@pytest.fixture
def unsigned(caller: Caller) -> Iterator[None]:
    """Make the cloud refuse the signature of the next request."""
    with caller.control() as http:
        http.post("/faults", json={"kind": "notAuthenticated", "times": 1}).raise_for_status()
        yield
        http.delete("/faults").raise_for_status()


@pytest.mark.usefixtures("unsigned")
def test_a_refused_signature_is_told_with_what_to_check(plug: Plug) -> None:
    text = refusal(plug.create, VCN, cidrBlocks=["10.0.0.0/16"])

    assert text.startswith("401-NotAuthenticated, ")
    assert "Suggestion: Check the user, the fingerprint" in text


def test_a_cloud_that_does_not_answer_is_named(plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {**plug.context.config, "region": "nowhere"}
    monkeypatch.setenv("CLIENT_HOST_OVERRIDES", "oci_core.VirtualNetworkClient=http://127.0.0.1:9")
    context = operation.context(config=config)
    with pytest.raises(ProviderError, match=r"POST http://127\.0\.0\.1:9/.*does not answer"):
        PLUGIN.resources[VCN].create({"compartmentId": "c", "cidrBlocks": []}, context)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"fingerprint": ""}, "oci:fingerprint is not set"),
        ({"auth": "InstancePrincipal"}, "oci:auth is 'InstancePrincipal'"),
        ({"privateKeyPath": None, "privateKey": "garbage"}, "holds no usable API key"),
    ],
)
def test_wrong_credentials_are_named_and_not_told(
    plug: Plug, config: dict[str, Any], message: str
) -> None:
    wrong = {k: v for k, v in {**plug.context.config, **config}.items() if v is not None}
    context = operation.context(config=wrong)
    text = refusal(PLUGIN.resources[VCN].create, {"compartmentId": "c"}, context)

    assert message in text
    assert "garbage" not in text


def test_cancelling_while_a_volume_is_made_keeps_it_in_the_state(
    plug: Plug, caller: Caller
) -> None:
    # nothing here makes volumes: there is no machine, and so it stays on its way or fails
    plug.context.cancelled.set()
    with pytest.raises(UnfinishedError) as caught:
        plug.create("oci:Core/volume:Volume", availabilityDomain=caller.domains[0], sizeInGbs="50")

    assert caught.value.identity.startswith("ocid1.volume.")
    assert caught.value.outputs["sizeInGbs"] == "50"
