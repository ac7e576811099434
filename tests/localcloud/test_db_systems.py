"""Database systems: real PostgreSQL servers, through Oracle's SDK and psycopg's libpq."""

import json
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import oci
import pytest
from oci.psql import models

from tests.localcloud.caller import Caller, eventually, refused
from tests.localcloud.machine import Machine, Network

PASSWORD = "Horse-battery-1"
_SECONDS = 240  # the first one builds the image


@dataclass(frozen=True)
class Service:
    caller: Caller
    client: Any

    def details(self, subnet_id: str, **fields: Any) -> Any:
        return models.CreateDbSystemDetails(
            **{
                "compartment_id": self.caller.compartment,
                "display_name": "auth",
                "db_version": "15",
                "shape": "PostgreSQL.VM.Standard.E5.Flex",
                "instance_ocpu_count": 1,
                "instance_memory_size_in_gbs": 16,
                "instance_count": 1,
                "system_type": "OCI_OPTIMIZED_STORAGE",
                "credentials": credentials(),
                "storage_details": models.OciOptimizedStorageDetails(is_regionally_durable=True),
                "network_details": models.NetworkDetails(subnet_id=subnet_id),
                **fields,
            }
        )

    def finish(self, answer: Any) -> Any:
        """Wait for the work request that an answer names, as each client does."""
        ocid = answer.headers["opc-work-request-id"]
        deadline = time.monotonic() + _SECONDS
        while (request := self.client.get_work_request(ocid).data).status == "IN_PROGRESS":
            assert time.monotonic() < deadline, request
            time.sleep(0.2)
        return request


def credentials(**fields: Any) -> Any:
    password = models.PlainTextPasswordDetails(password=fields.pop("password", PASSWORD))
    return models.Credentials(**{"username": "keeper", "password_details": password, **fields})


@pytest.fixture(name="service")
def _service(caller: Caller) -> Service:
    return Service(caller, caller.client(oci.psql.PostgresqlClient))


@pytest.fixture(name="private")
def _private(caller: Caller, vcn: Any) -> Any:
    return caller.subnet(vcn, "10.0.2.0/24", prohibit_public_ip_on_vnic=True)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"db_version": "9.6"}, "none of 14, 15, 16"),
        ({"shape": "PostgreSQL.VM.Standard.A1.Flex"}, "is none of PostgreSQL.VM.Standard.E4"),
        ({"credentials": credentials(password="horse-battery-1")}, "one uppercase letter"),
        ({"credentials": credentials(password="Ho-1")}, "password"),
        ({"credentials": credentials(username="postgres")}, "not be postgres"),
        ({"instance_count": 3}, "instanceCount"),
        (
            {"storage_details": models.OciOptimizedStorageDetails(is_regionally_durable=False)},
            "availabilityDomain must be specified",
        ),
    ],
)
def test_a_bad_system_is_refused(
    service: Service, private: Any, fields: dict[str, Any], why: str
) -> None:
    details = service.details(private.id, **fields)
    text = refused(400, "InvalidParameter", service.client.create_db_system, details)
    assert why in text
    assert PASSWORD not in text


def test_a_system_in_a_public_subnet_is_refused(service: Service, caller: Caller, vcn: Any) -> None:
    details = service.details(caller.subnet(vcn).id)
    text = refused(400, "InvalidParameter", service.client.create_db_system, details)
    assert "A DB System needs a private subnet" in text


def test_a_password_in_vault_is_refused(service: Service, private: Any) -> None:
    password = models.VaultSecretPasswordDetails(secret_id="ocid1.x", secret_version="1")
    in_vault = models.Credentials(username="keeper", password_details=password)
    details = service.details(private.id, credentials=in_vault)
    text = refused(400, "InvalidParameter", service.client.create_db_system, details)
    assert "PLAIN_TEXT" in text


def test_the_default_configurations_are_flexible(service: Service) -> None:
    (listed,) = service.client.list_default_configurations(db_version="15").data.items
    assert service.client.get_default_configuration(listed.id).data.is_flexible


# --- with a server


@pytest.fixture(name="running", scope="module")
def _running(cloud: Caller) -> Service:
    return Service(cloud, cloud.client(oci.psql.PostgresqlClient))


@pytest.fixture(name="group", scope="module")
def _group(cloud: Caller, network: Network) -> Any:
    return cloud.group(network.vcn)


@pytest.fixture(name="subnet", scope="module")
def _subnet(cloud: Caller, network: Network) -> Any:
    return cloud.subnet(network.vcn, "10.0.2.0/24", prohibit_public_ip_on_vnic=True)


@pytest.fixture(name="system", scope="module")
def _system(running: Service, subnet: Any, group: Any) -> Any:
    placed = models.NetworkDetails(subnet_id=subnet.id, nsg_ids=[group.id])
    created = running.client.create_db_system(running.details(subnet.id, network_details=placed))
    request = running.finish(created)
    assert request.status == "SUCCEEDED", request
    assert request.resources[0].identifier == created.data.id
    return running.client.get_db_system(created.data.id).data


@dataclass(frozen=True)
class Client:
    """A machine that connects to the system, as a service on it does."""

    machine: Machine
    address: str
    details: Any

    def sql(self, statement: str, *, password: str = PASSWORD, **parameters: str) -> str:
        """Run a statement and return the output of psql, by verified TLS."""
        endpoint = self.details.primary_db_endpoint
        connection = {
            "host": endpoint.fqdn,
            "user": "keeper",
            "dbname": "postgres",
            "sslmode": "verify-full",
            "sslrootcert": "ca.pem",
            "connect_timeout": "5",
            **parameters,
        }
        words = " ".join(f"{name}={value}" for name, value in connection.items())
        script = (
            f"cat > ca.pem; PGPASSWORD={password} psql -tAX -v ON_ERROR_STOP=1 "
            f'"{words}" -c "{statement}"'
        )
        return self.machine.ssh(self.address, script, stdin=self.details.ca_certificate)


@pytest.fixture(name="client", scope="module")
def _client(machine: Machine, address: str) -> Machine:
    """Return the machine with PostgreSQL's own client."""
    install = "sudo apt-get update && sudo apt-get install -y postgresql-client"
    assert machine.ssh(address, f"({install}) > /dev/null 2>&1; command -v psql") == "/usr/bin/psql"
    return machine


@pytest.fixture(name="connected", scope="module")
def _connected(
    running: Service, system: Any, network: Network, client: Machine, address: str
) -> Client:
    (group,) = system.network_details.nsg_ids
    replace(network, group=SimpleNamespace(id=group)).let_in(5432, "10.0.1.0/24")
    return Client(client, address, running.client.get_connection_details(system.id).data)


def test_a_system_answers_what_was_asked_for_and_never_its_password(
    system: Any, running: Service
) -> None:
    assert system.lifecycle_state == "ACTIVE"
    assert system.shape == "VM.Standard.E5.Flex"
    assert system.network_details.primary_db_endpoint_private_ip.startswith("10.0.2.")
    assert system.admin_username == "keeper"
    assert "SCRAM" not in str(system)
    # other tests may have had systems in the same compartment
    listed = running.client.list_db_systems(
        compartment_id=system.compartment_id, lifecycle_state="ACTIVE", display_name="auth"
    )
    assert [each.id for each in listed.data.items] == [system.id]


def test_a_machine_connects_by_verified_tls(connected: Client) -> None:
    assert connected.sql("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()") in {
        "TLSv1.2",
        "TLSv1.3",
    }


def test_another_ca_a_wrong_password_and_plain_text_are_refused(connected: Client) -> None:
    other = "/etc/ssl/certs/ca-certificates.crt"
    assert "certificate verify failed" in connected.sql("SELECT 1", sslrootcert=other)
    assert "password authentication failed" in connected.sql("SELECT 1", password="Other-1-other")
    assert "no encryption" in connected.sql("SELECT 1", sslmode="disable")


def test_the_administrator_makes_roles_and_databases_and_is_no_superuser(
    connected: Client,
) -> None:
    assert "permission denied" in connected.sql("ALTER SYSTEM SET work_mem = 1")
    connected.sql("CREATE ROLE auth LOGIN PASSWORD 'x'; GRANT auth TO keeper")
    connected.sql("CREATE DATABASE auth OWNER auth")
    assert connected.sql("SELECT 1", dbname="auth") == "1"


def test_a_new_password_takes_the_old_ones_place(
    connected: Client, running: Service, system: Any
) -> None:
    password = models.PlainTextPasswordDetails(password="Another-horse-2")
    details = models.ResetMasterUserPasswordDetails(password_details=password)
    running.finish(running.client.reset_master_user_password(system.id, details))
    assert connected.sql("SELECT 1", password="Another-horse-2") == "1"
    assert "password authentication failed" in connected.sql("SELECT 1")
    details.password_details.password = PASSWORD
    running.finish(running.client.reset_master_user_password(system.id, details))


def test_the_rules_of_its_groups_decide_about_the_machines_that_get_in(
    connected: Client, running: Service, system: Any, cloud: Caller, network: Network
) -> None:
    other = cloud.group(network.vcn)
    moved = models.UpdateDbSystemDetails(
        network_details=models.UpdateNetworkDetails(nsg_ids=[other.id])
    )
    running.finish(running.client.update_db_system(system.id, moved))
    eventually(
        "the way in", lambda: "timeout" in connected.sql("SELECT 1", connect_timeout="2"), True
    )
    back = models.UpdateDbSystemDetails(
        network_details=models.UpdateNetworkDetails(nsg_ids=system.network_details.nsg_ids)
    )
    running.finish(running.client.update_db_system(system.id, back))
    eventually("the way in", lambda: connected.sql("SELECT 1"), "1")


def test_a_group_and_a_subnet_in_use_stay_and_a_deleted_system_is_gone(
    running: Service, cloud: Caller, network: Network, connected: Client
) -> None:
    subnet = cloud.subnet(network.vcn, "10.0.3.0/24", prohibit_public_ip_on_vnic=True)
    created = running.client.create_db_system(running.details(subnet.id)).data
    refused(409, "Conflict", cloud.network.delete_subnet, subnet.id)
    eventually(
        "the system",
        lambda: running.client.get_db_system(created.id).data.lifecycle_state,
        "ACTIVE",
        seconds=_SECONDS,
    )
    request = running.finish(running.client.delete_db_system(created.id))
    assert request.status == "SUCCEEDED"
    assert running.client.get_db_system(created.id).data.lifecycle_state == "DELETED"
    cloud.network.delete_subnet(subnet.id)
    assert connected.sql("SELECT 1") == "1", "the other system goes on"


def test_the_store_has_no_password(cloud: Caller, system: Any) -> None:
    body = cloud.home.database.read_bytes()
    assert system.id.encode() in body + (cloud.home.path / "cloud.sqlite-wal").read_bytes()
    for file in cloud.home.path.glob("cloud.sqlite*"):
        assert PASSWORD.encode() not in file.read_bytes()
    assert json.dumps(PASSWORD) not in (cloud.home.path / "server.log").read_text()
