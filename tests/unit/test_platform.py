"""The platform of the service: the plan of a cluster, and keys that only one platform uses."""

import pytest

from components import acme_account, behind_balancer, service_settings
from components.cluster_plan import ClusterPlan, Replicas
from localcloud import certificates
from settings import platform
from settings.warnings import warnings
from stack import secrets
from tests.unit import test_settings
from tests.unit.examples import SCHEMA
from tests.unit.test_settings import refusal

DATABASE_URL = "postgresql://auth:hunter2-and-more@db.test/auth"
# a valid configuration of a cluster, from that of a server
CLUSTER: dict[str, str | None] = {
    "platform": "cluster",
    "database": "postgresql",
    "databaseUrl": DATABASE_URL,
    "domain": "auth.test",
    **dict.fromkeys(("sshPrivateKey", "sshHostKey", "logOcid")),
    **dict.fromkeys(("backupBucket", "backupEndpoint", "backupAccessKey")),
    **dict.fromkeys(("backupSecretKey", "metricsUserOcid", "metricsPrivateKey")),
    **dict.fromkeys(("drillEmail", "drillPassword")),
}
OTHER_VALUES = {
    "availabilityDomainIndex": "1",
    "faultDomain": "FAULT-DOMAIN-1",
    "ubuntuVersion": "22.04",
    "dataVolumeInGbs": "60",
    "dataVolumeBackups": "false",
    "rebootWindow": "daily 03:00-04:00 UTC",
    "operators": '[{"name": "ada", "key": "ssh-ed25519 AAAA", "role": "admin"}]',
    "canaryPercent": "5",
    "canarySeconds": "30",
    "maintenance": "true",
    "kubernetesVersion": "v1.33",
    "nodes": "3",
    "replicas": "3",
    "maxReplicas": "7",
    "endpointSubnetCidr": "10.0.9.0/28",
    "nodeSubnetCidr": "10.0.9.0/24",
}


def parse(**changes: str | None) -> ClusterPlan:
    plan = test_settings.parse(**{**CLUSTER, **changes}).cluster
    assert plan is not None
    return plan


def test_a_stack_is_on_one_server_by_default() -> None:
    assert test_settings.parse().cluster is None


def test_a_cluster_needs_no_key_of_a_server() -> None:
    plan = parse()
    assert (plan.kubernetes_version, plan.nodes) == ("v1.34", 2)
    assert plan.replicas == Replicas(least=2, most=2)
    assert plan.certificate is None


@pytest.mark.parametrize("key", platform.OF_SERVER)
def test_a_key_that_only_a_server_uses_is_refused_on_a_cluster(key: str) -> None:
    value = OTHER_VALUES.get(key, "a value")
    message = refusal(**{**CLUSTER, key: value})
    assert f"auth:{key} is set, and auth:platform is cluster" in message
    assert f"pulumi config rm auth:{key}" in message


@pytest.mark.parametrize("key", platform.OF_CLUSTER)
def test_a_key_that_only_a_cluster_uses_is_refused_on_a_server(key: str) -> None:
    message = refusal(**{key: OTHER_VALUES.get(key, "a value")})
    assert f"auth:{key} is set, and auth:platform is server" in message


@pytest.mark.parametrize("key", [*platform.OF_SERVER, *platform.OF_CLUSTER])
def test_a_key_with_its_default_is_not_refused(key: str) -> None:
    default = SCHEMA[key]["default"]
    text = str(default).lower() if isinstance(default, bool) else str(default)
    test_settings.parse(**{**CLUSTER, key: text})


def test_the_keys_of_a_server_may_stay_for_a_way_back() -> None:
    kept = {key: value for key, value in CLUSTER.items() if not key.startswith("ssh")}
    assert test_settings.parse(**kept).login_key.public


def test_sqlite_on_a_cluster_is_refused_with_the_way_to_postgresql() -> None:
    message = refusal(**{**CLUSTER, "database": "sqlite", "databaseUrl": None})
    assert "make move-database TO=postgresql" in message
    assert "pulumi config set auth:database postgresql" in message


def test_https_of_a_cluster_needs_a_domain() -> None:
    assert "auth:domain is empty" in refusal(**{**CLUSTER, "domain": None})
    parse(domain=None, allowPlainHttp="true")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"kubernetesVersion": "1.34"}, "must look like v1.34 or v1.34.1"),
        ({"nodes": "0"}, "must be a whole number from 1 to 50"),
        ({"replicas": "1"}, "must be a whole number from 2 to 100"),
        (
            {"replicas": "8", "maxReplicas": "6"},
            "auth:maxReplicas is 6, less than auth:replicas, 8",
        ),
        ({"nodeSubnetCidr": "10.9.0.0/24"}, "must lie inside auth:vcnCidr"),
        ({"nodeSubnetCidr": "10.0.1.0/25"}, "overlaps auth:subnetCidr, 10.0.1.0/24"),
        ({"endpointSubnetCidr": "10.0.4.0/28"}, "overlaps auth:nodeSubnetCidr, 10.0.4.0/24"),
        ({"endpointSubnetCidr": "10.0.2.0/28"}, "overlaps auth:databaseSubnetCidr"),
        ({"platform": "vm"}, "must be server or cluster"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused(changes: dict[str, str], rule: str) -> None:
    assert rule in refusal(**{**CLUSTER, **changes})


def test_a_certificate_has_its_key() -> None:
    authority = certificates.new_authority("test")
    own, other = (certificates.issue(authority, "auth.test") for _ in range(2))
    plan = parse(certificate=own.certificate, certificateKey=own.key)
    assert plan.certificate is not None
    assert plan.certificate.chain == own.certificate
    message = refusal(**{**CLUSTER, "certificate": own.certificate, "certificateKey": other.key})
    assert "auth:certificateKey is not the private key" in message
    assert "BEGIN" not in message
    assert "auth:certificateKey is not" in refusal(**{**CLUSTER, "certificate": own.certificate})
    assert "auth:certificate is not" in refusal(**{**CLUSTER, "certificateKey": own.key})


def test_the_account_at_a_ca_is_known_by_its_thumbprint_alone() -> None:
    key = secrets.signing_key()
    assert parse(acmeAccountKey=key).acme_thumbprint == acme_account.thumbprint(key)
    assert parse().acme_thumbprint == ""
    message = refusal(**{**CLUSTER, "acmeAccountKey": secrets.ssh_key()})
    assert "auth:acmeAccountKey is not an EC private key" in message
    assert "BEGIN" not in message


def test_the_service_takes_its_variables_behind_a_load_balancer() -> None:
    plan = parse(acmeAccountKey=secrets.signing_key())
    chosen = behind_balancer.variables(
        plan, domain="auth.example.com", balancer_subnet_cidr="10.0.1.0/24"
    )
    issuer = {
        "AUTH_ISSUER": "https://auth.example.com",
        "AUTH_SIGNING_KEY_FILE": "/run/secrets/key",
    }

    assert service_settings.problems({**issuer, **chosen}) == []
    assert "AUTH_HTTPS_ONLY" in chosen
    assert "AUTH_ACME_THUMBPRINT" in chosen


def test_a_load_balancer_without_a_domain_serves_plain_http() -> None:
    plan = parse(domain=None, allowPlainHttp="true")
    chosen = behind_balancer.variables(plan, domain="", balancer_subnet_cidr="10.0.1.0/24")
    issuer = {"AUTH_ISSUER": "http://192.0.2.1", "AUTH_SIGNING_KEY_FILE": "/run/secrets/key"}

    assert service_settings.problems({**issuer, **chosen}) == []
    assert "AUTH_ACME_THUMBPRINT" not in chosen, "there is no account"


def test_the_nodes_together_are_compared_with_always_free() -> None:
    settings = test_settings.parse(**CLUSTER)
    (message,) = warnings(
        settings.machine,
        machines=3,
        environment="production",
        endpoint=settings.endpoint,
        has_backup=True,
        alert_emails=["oncall@example.com"],
        has_metrics=True,
        allowed_http_cidrs=["0.0.0.0/0"],
    )
    assert "auth:ocpus=1 and auth:memoryInGbs=6 of each of auth:nodes=3 exceed" in message
    assert "these VMs will cost money" in message
