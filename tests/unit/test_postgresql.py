"""The PostgreSQL server that Oracle runs, from the configuration to the container."""

import json
from collections.abc import Callable

import pulumi
import pytest

from components import database_role
from settings.problems import ConfigurationError
from stack import secrets
from tests.unit.conftest import Program, Recording, plain
from tests.unit.test_database import parse

Up = Callable[[Program], Recording]
PASSWORD = "aA1-hunter2-of-the-keeper"
SYSTEM = "oci:Psql/dbSystem:DbSystem"


def refusal(**changes: str | None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(**{"databasePassword": PASSWORD, **changes})
    message = " ".join(str(caught.value).split())
    assert "hunter2" not in message, "a refusal shows the password"
    return message


def test_postgresql_without_a_url_is_run_by_oracle(
    up: Up, monkeypatch: pytest.MonkeyPatch, program: Callable[..., None]
) -> None:
    monkeypatch.setattr(pulumi, "export", lambda *_: None)
    recorded = up(lambda: program(database="postgresql", databasePassword=PASSWORD))

    release = json.loads(str(plain(recorded["auth-release"]["stdin"])))
    address = "primary.test.postgresql.example:5432/auth"
    url = release["secrets"]["AUTH_DATABASE_URL"]
    assert url.startswith("postgresql://auth:")
    assert f"@{address}?sslmode=verify-full&sslrootcert=/run/secrets/AUTH_DATABASE_CA" in url
    assert "of Oracle" in release["secrets"]["AUTH_DATABASE_CA"]
    assert PASSWORD not in url, "the service gets a role of its own"
    assert "auth-database-role" in recorded.awaited["auth-release"]
    backup = recorded.registered["command:remote:Command auth-backup"].inputs["stdin"]
    assert json.loads(str(plain(backup)))["bucket"] == "", "Oracle makes the backups"


def test_the_server_is_private_protected_and_lets_the_vm_in_alone(
    up: Up, program: Callable[..., None]
) -> None:
    recorded = up(lambda: program(database="postgresql", databasePassword=PASSWORD))

    (system,) = recorded.of_type(SYSTEM)
    assert "auth-database" in recorded.protected
    assert system["networkDetails"] == {
        "subnetId": "auth-database-subnet-id",
        "nsgIds": ["auth-database-nsg-id"],
    }
    subnet = recorded["auth-database-subnet"]
    assert subnet["prohibitPublicIpOnVnic"]
    assert subnet["cidrBlock"] == "10.0.2.0/24"
    rules = [
        rule
        for rule in recorded.of_type(
            "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
        )
        if rule["networkSecurityGroupId"] == "auth-database-nsg-id"
    ]
    assert [(rule["source"], rule["direction"]) for rule in rules] == [("10.0.1.2/32", "INGRESS")]
    assert rules[0]["tcpOptions"] == {"destinationPortRange": {"min": 5432, "max": 5432}}
    assert system["managementPolicy"]["backupPolicy"]["kind"] == "DAILY"


def test_the_administrators_password_reaches_the_server_by_stdin_alone(
    up: Up, program: Callable[..., None]
) -> None:
    recorded = up(lambda: program(database="postgresql", databasePassword=PASSWORD))

    role = recorded.registered["command:remote:Command auth-database-role"].inputs
    assert PASSWORD not in str(role["create"])
    document = json.loads(str(plain(role["stdin"])))
    assert document["password"] == PASSWORD
    assert "PASSWORD %L', 'auth', 'SCRAM-SHA-256$4096:" in document["queries"]
    assert "of Oracle" in document["ca"]
    release = json.loads(str(plain(recorded["auth-release"]["stdin"])))
    assert PASSWORD not in str(release)


def test_a_system_is_kept_beside_another_database(up: Up, program: Callable[..., None]) -> None:
    recorded = up(lambda: program(databaseSystem="true", databasePassword=PASSWORD))

    assert len(recorded.of_type(SYSTEM)) == 1
    release = json.loads(str(plain(recorded["auth-release"]["stdin"])))
    assert "AUTH_DATABASE_URL" not in release["secrets"]


def test_the_role_has_another_password_with_the_same_verifier_each_time() -> None:
    documents = {
        json.dumps(
            database_role.document("auth", host="db.test", ca="ca", administrator_password=PASSWORD)
        )
        for _ in range(2)
    }

    assert len(documents) == 1, "another document would be another run"
    secret = database_role.password("auth", administrator_password=PASSWORD)
    assert secret != database_role.password("notes", administrator_password=PASSWORD)
    assert secret not in documents.pop()


def test_wrong_keys_of_oracles_server_are_refused() -> None:
    missing = refusal(database="postgresql", databasePassword=None)
    assert "auth:databasePassword is not set" in missing
    assert "make init" in missing
    assert "16 to 32 letters" in refusal(database="postgresql", databasePassword="hunter2")
    assert "overlaps auth:subnetCidr" in refusal(
        database="postgresql", databaseSubnetCidr="10.0.0.0/22"
    )
    assert "inside auth:vcnCidr" in refusal(database="postgresql", databaseSubnetCidr="10.9.0.0/24")
    assert "16" in refusal(database="postgresql", databaseMemoryInGbs="8")


def test_a_made_password_keeps_the_rule() -> None:
    for _ in range(20):
        whole = parse(database="postgresql", databasePassword=secrets.database_password())
        assert whole.database.uses_managed


def test_a_program_that_forgets_the_server_fails() -> None:
    whole = parse(database="postgresql", databasePassword=PASSWORD)

    with pytest.raises(pulumi.RunError, match=r"components\.database\.provided"):
        _ = whole.database.secrets
