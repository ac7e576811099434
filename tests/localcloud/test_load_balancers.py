"""Load balancers: a real HAProxy before two servers on a machine, through Oracle's SDK."""

import json
import socket
import ssl
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from oci.core import models as core
from oci.load_balancer import models

from tests.localcloud.balancer import (
    PASSPHRASE,
    SERVERS,
    Balancer,
    Service,
    backend_set,
    certificate,
    checker,
    listener,
)
from tests.localcloud.caller import Caller, eventually, refused
from tests.localcloud.machine import Machine, Network
from tests.testbed.load import Load

FIRST, SECOND = 8081, 8082


@pytest.fixture(name="service")
def _service(caller: Caller) -> Service:
    return Service(caller)


@pytest.fixture(name="subnet")
def _subnet(caller: Caller, vcn: Any) -> Any:
    return caller.subnet(vcn)


BACKEND = models.BackendDetails(ip_address="10.0.1.9", port=80)
SETS = {"web": backend_set(BACKEND)}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"shape_name": "100Mbps"}, "flexible"),
        (
            {
                "shape_details": models.ShapeDetails(
                    minimum_bandwidth_in_mbps=20, maximum_bandwidth_in_mbps=10
                )
            },
            "is above maximumBandwidthInMbps",
        ),
        ({"listeners": {"web": listener()}}, "no backend set 'web'"),
        (
            {"backend_sets": SETS, "listeners": {"a": listener(), "b": listener()}},
            "'a' and 'b' have the same port 80",
        ),
        (
            {
                "backend_sets": SETS,
                "listeners": {
                    "web": listener(
                        ssl_configuration=models.SSLConfigurationDetails(certificate_name="auth")
                    )
                },
            },
            "no certificate 'auth'",
        ),
        ({"backend_sets": {"web": backend_set(BACKEND, BACKEND)}}, "'10.0.1.9:80' twice"),
        ({"backend_sets": {"web": backend_set(policy="RANDOM")}}, "ROUND_ROBIN"),
        ({"backend_sets": {"web": backend_set(health_checker=checker(retries=0))}}, "retries"),
        (
            {
                "backend_sets": {
                    "web": backend_set(models.BackendDetails(ip_address="auth", port=80))
                }
            },
            "'auth' of a backend is no IPv4 address",
        ),
        ({"reserved_ips": [models.ReservedIP(id="ocid1.x")], "is_private": True}, "private"),
        ({"ip_mode": "IPV6"}, "ipMode"),
        ({"rule_sets": {}}, "ruleSets"),
    ],
)
def test_a_bad_load_balancer_is_refused(
    service: Service, subnet: Any, fields: dict[str, Any], why: str
) -> None:
    details = service.details(subnet.id, **fields)
    assert why in refused(400, "InvalidParameter", service.client.create_load_balancer, details)


def test_a_public_load_balancer_in_a_private_subnet_is_refused(
    service: Service, caller: Caller, vcn: Any
) -> None:
    private = caller.subnet(vcn, "10.0.2.0/24", prohibit_public_ip_on_vnic=True)
    details = service.details(private.id)
    text = refused(400, "InvalidParameter", service.client.create_load_balancer, details)
    assert "needs a public subnet" in text


def test_a_key_of_another_certificate_or_with_another_passphrase_is_refused(
    service: Service, subnet: Any
) -> None:
    stranger = certificate("auth")
    stranger.private_key = certificate("other").private_key
    locked = certificate("auth", encrypted=True)
    locked.passphrase = "wrong"
    for each, why in ((stranger, "does not belong"), (locked, "not for this passphrase")):
        details = service.details(subnet.id, certificates={"auth": each})
        assert why in refused(400, "InvalidParameter", service.client.create_load_balancer, details)


def test_what_can_be_chosen_is_listed(service: Service, caller: Caller) -> None:
    for listed, wanted in (
        (service.client.list_shapes, ["flexible"]),
        (service.client.list_policies, ["ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH"]),
        (service.client.list_protocols, ["HTTP", "TCP"]),
    ):
        assert [each.name for each in listed(caller.compartment).data] == wanted


# --- with HAProxy


@pytest.fixture(name="running", scope="module")
def _running(cloud: Caller) -> Service:
    return Service(cloud)


@pytest.fixture(name="front", scope="module")
def _front(cloud: Caller, network: Network) -> Network:
    """Return the network with a security group of its own, for the load balancer."""
    front = replace(network, group=cloud.group(network.vcn))
    front.let_in(80)
    return front


@pytest.fixture(name="backends", scope="module")
def _backends(network: Network, machine: Machine, address: str) -> list[Any]:
    """Run two servers on the machine, and let the subnet reach them."""
    for port in (FIRST, SECOND):
        network.let_in(port, "10.0.1.0/24")
    script = "cat > servers.py; sudo iptables -I INPUT -p tcp --dport 8081:8082 -j ACCEPT; "
    start = f"nohup python3 servers.py {FIRST} {SECOND} > servers.log 2>&1 & sleep 0.5; echo up"
    assert machine.ssh(address, script + start, stdin=SERVERS) == "up"
    private = machine.caller.network.get_vnic(machine.vnic_id).data.private_ip
    return [models.BackendDetails(ip_address=private, port=port) for port in (FIRST, SECOND)]


@pytest.fixture(name="reserved", scope="module")
def _reserved(cloud: Caller) -> Any:
    details = core.CreatePublicIpDetails(compartment_id=cloud.compartment, lifetime="RESERVED")
    return cloud.network.create_public_ip(details).data


@pytest.fixture(name="balancer", scope="module")
def _balancer(running: Service, front: Network, backends: list[Any], reserved: Any) -> Balancer:
    ocid = running.made(
        running.details(
            front.subnet.id,
            network_security_group_ids=[front.group.id],
            reserved_ips=[models.ReservedIP(id=reserved.id)],
            backend_sets={"web": backend_set(*backends)},
            listeners={"http": listener()},
        )
    )
    made = Balancer(running, ocid, reserved.ip_address)
    made.wait_for_health("OK")
    return made


def name_of(backend: Any) -> str:
    return f"{backend.ip_address}:{backend.port}"


def test_a_load_balancer_answers_what_was_asked_for_at_its_reserved_address(
    balancer: Balancer, reserved: Any
) -> None:
    shown = balancer.client.get_load_balancer(balancer.id).data
    assert shown.lifecycle_state == "ACTIVE"
    (address,) = shown.ip_addresses
    assert (address.ip_address, address.is_public) == (reserved.ip_address, True)
    assert address.reserved_ip.id == reserved.id
    assert shown.listeners["http"].default_backend_set_name == "web"
    assert balancer.served_by() == {FIRST, SECOND}


def test_a_backend_gets_oracles_headers(balancer: Balancer) -> None:
    sent = {"Host": "auth.example.com", "X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https"}
    headers = balancer.ask(headers=sent)["headers"]
    assert headers["Host"] == headers["X-Forwarded-Host"] == "auth.example.com"
    assert (headers["X-Forwarded-Port"], headers["X-Forwarded-Proto"]) == ("80", "http")
    first, _, last = headers["X-Forwarded-For"].partition(", ")
    assert (first, last) == ("9.9.9.9", headers["X-Real-IP"])


def test_its_security_groups_decide_about_the_clients_that_get_in(
    balancer: Balancer, front: Network, cloud: Caller
) -> None:
    def is_open() -> bool:
        with socket.create_connection((balancer.address, 80), timeout=3) as link:
            link.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return bool(link.recv(1))

    def answered() -> bool:
        try:
            return is_open()
        except OSError:
            return False

    other = cloud.group(front.vcn)
    for group, wanted in ((other, False), (front.group, True)):
        details = models.UpdateNetworkSecurityGroupsDetails(network_security_group_ids=[group.id])
        balancer.done(balancer.client.update_network_security_groups(details, balancer.id))
        assert answered() is wanted


def test_no_request_is_lost_while_a_backend_is_drained(
    balancer: Balancer, backends: list[Any]
) -> None:
    drained = name_of(backends[0])

    def use(*, drain: bool) -> None:
        details = models.UpdateBackendDetails(weight=1, backup=False, drain=drain, offline=False)
        balancer.done(balancer.client.update_backend(details, balancer.id, "web", drained))

    with Load(f"http://{balancer.address}") as load:
        for _ in range(2):
            use(drain=True)
            assert balancer.served_by() == {SECOND}
            use(drain=False)
            eventually("both", balancer.served_by, {FIRST, SECOND})
    assert load.failures == [], str(load)


def test_a_backend_that_fails_its_check_gets_no_request(
    balancer: Balancer, running: Service, backends: list[Any]
) -> None:
    nobody = models.CreateBackendDetails(ip_address=backends[0].ip_address, port=8099)
    balancer.done(balancer.client.create_backend(nobody, balancer.id, "web"))

    def critical() -> list[str]:
        health = balancer.client.get_backend_set_health(balancer.id, "web").data
        assert health.total_backend_count == 3
        return list(health.critical_state_backend_names)

    eventually("the critical backends", critical, [name_of(nobody)], seconds=20)
    balancer.wait_for_health("WARNING")
    assert balancer.served_by() == {FIRST, SECOND}
    balancer.done(balancer.client.delete_backend(balancer.id, "web", name_of(nobody)))
    balancer.wait_for_health("OK")
    result = balancer.client.get_backend_health(balancer.id, "web", name_of(backends[0])).data
    assert (result.status, result.health_check_results[0].health_check_status) == ("OK", "OK")
    assert running.client.get_load_balancer_health(balancer.id).data.status == "OK"


def test_a_changed_health_check_decides_at_its_own_port(balancer: Balancer) -> None:
    for port, health in ((8099, "CRITICAL"), (None, "OK"), (SECOND, "OK")):
        details = models.UpdateHealthCheckerDetails(**vars_of(checker(port=port)))
        balancer.done(balancer.client.update_health_checker(details, balancer.id, "web"))
        balancer.wait_for_health(health)


def test_tls_ends_at_a_listener_whose_certificate_can_be_replaced(
    balancer: Balancer, front: Network, cloud: Caller
) -> None:
    front.let_in(443)
    for name, encrypted in (("first", False), ("second", True)):
        details = certificate(name, encrypted=encrypted)
        created = models.CreateCertificateDetails(**vars_of(details))
        balancer.done(balancer.client.create_certificate(created, balancer.id))
        tls = models.SSLConfigurationDetails(certificate_name=name)
        wanted = listener(443, ssl_configuration=tls)
        if name == "first":
            new = models.CreateListenerDetails(name="https", **vars_of(wanted))
            balancer.done(balancer.client.create_listener(new, balancer.id))
        else:
            changed = models.UpdateListenerDetails(**vars_of(wanted))
            balancer.done(balancer.client.update_listener(changed, balancer.id, "https"))
        shown = x509.load_pem_x509_certificate(
            ssl.get_server_certificate((balancer.address, 443)).encode()
        )
        assert shown == x509.load_pem_x509_certificate(details.public_certificate.encode())
        assert details.private_key not in json.dumps(
            balancer.client.base_client.sanitize_for_serialization(
                balancer.client.get_load_balancer(balancer.id).data
            )
        )
    headers = balancer.ask("https", 443, verify=False)["headers"]
    assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-Port"]) == ("https", "443")
    used = (balancer.client.delete_certificate, balancer.id, "second")
    assert "used by the listener 'https'" in refused(409, "Conflict", *used)
    balancer.done(balancer.client.delete_certificate(balancer.id, "first"))
    assert PASSPHRASE not in (cloud.home.path / "server.log").read_text()


def vars_of(details: Any) -> dict[str, Any]:
    values = {name: getattr(details, name) for name in details.attribute_map}
    return {name: value for name, value in values.items() if value is not None}


def test_a_backend_set_in_use_stays_and_a_second_change_at_a_time_is_refused(
    balancer: Balancer, backends: list[Any]
) -> None:
    text = refused(409, "Conflict", balancer.client.delete_backend_set, balancer.id, "web")
    assert "used by the listener 'http'" in text
    details = models.CreateBackendSetDetails(name="spare", **vars_of(backend_set(*backends)))
    answer = balancer.client.create_backend_set(details, balancer.id)
    removed = (balancer.client.delete_backend_set, balancer.id, "spare")
    assert "another work request" in refused(409, "IncorrectState", *removed)
    balancer.done(answer)
    balancer.done(balancer.client.delete_backend_set(balancer.id, "spare"))


def test_a_deleted_load_balancer_gives_its_reserved_address_and_its_subnet_back(
    running: Service, cloud: Caller, front: Network
) -> None:
    subnet = cloud.subnet(front.vcn, "10.0.7.0/24")
    kept = cloud.network.create_public_ip(
        core.CreatePublicIpDetails(compartment_id=cloud.compartment, lifetime="RESERVED")
    ).data
    details = running.details(subnet.id, reserved_ips=[models.ReservedIP(id=kept.id)])
    ocid = running.made(details)
    refused(409, "Conflict", cloud.network.delete_subnet, subnet.id)
    assert running.finish(running.client.delete_load_balancer(ocid)).lifecycle_state == "SUCCEEDED"
    assert running.client.get_load_balancer(ocid).data.lifecycle_state == "DELETED"
    assert cloud.network.get_public_ip(kept.id).data.lifecycle_state == "AVAILABLE"
    cloud.network.delete_subnet(subnet.id)
    cloud.network.delete_public_ip(kept.id)
