"""The stack's configuration, checked as a whole before any resource is registered.

`Pulumi.yaml` is the schema, and `parse` below maps each key to its rule and its setting. A refusal
lists all problems, each with the key, the value, the rule and the remedy.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import config as runtime_config

from components import advice
from components.access import Operator
from components.backup import Bucket
from components.cluster_plan import ClusterPlan
from components.database import Database
from components.endpoint import Endpoint
from components.image import Bases, Promoted, Registry
from components.keys import KeyPair
from components.machine import Machine
from components.metrics import MetricsKey, MetricsStore
from host.auth_release.desired import Canary, Maintenance
from host.auth_release.monitoring import Log
from host.auth_release.network import SUBNET as CONTAINERS
from settings import database, operators, platform, variables
from settings.problems import ConfigurationError
from settings.values import Values
from settings.warnings import warnings

__all__ = ["ConfigurationError", "Settings", "load", "parse"]

SCHEMA = Path(__file__).parent.parent / "Pulumi.yaml"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration, typed and checked; secrets are secret outputs."""

    cluster: ClusterPlan | None  # None: the platform is one server
    region: str
    tenancy_id: str
    compartment_id: str
    availability_domain_index: int
    fault_domain: str  # empty: Oracle chooses
    vcn_cidr: str
    subnet_cidr: str
    allowed_ssh_cidrs: tuple[str, ...]
    allowed_http_cidrs: tuple[str, ...]
    machine: Machine
    login_key: KeyPair
    host_key: KeyPair
    operators: tuple[Operator, ...]
    protect: bool
    reboot_window: str  # empty: the VM never reboots by itself
    registry: Registry
    bases: Bases
    promoted: Promoted | None  # None: an image is built
    signing_key: pulumi.Output[str]
    endpoint: Endpoint
    environment: str
    service_settings: Mapping[str, pulumi.Input[str]]
    service_secrets: Mapping[str, pulumi.Output[str]]
    database: Database
    canary: Canary | None
    maintenance: Maintenance | None
    backup_bucket: Bucket
    alert_emails: tuple[str, ...]
    metrics_key: MetricsKey
    metrics_store: MetricsStore | None
    log: Log | None  # None: the server's log stays there alone
    monthly_budget: int  # 0: none

    @property
    def ssh_cidrs(self) -> tuple[str, ...]:
        """The blocks that may reach SSH of a server; no machine of a cluster is reached by it."""
        return () if self.cluster else self.allowed_ssh_cidrs

    @property
    def copies_bucket(self) -> Bucket:
        """The bucket for copies of the database; none of PostgreSQL, which has its own backups."""
        return Bucket() if self.database.is_postgresql else self.backup_bucket

    @property
    def has_backup(self) -> bool:
        """Whether a copy of the accounts is elsewhere; a PostgreSQL server has its own."""
        return bool(self.backup_bucket.name or self.database.is_postgresql)


def load() -> Settings:
    """Return the settings of the stack that the engine runs; raise ConfigurationError."""
    # The engine passes the values in the environment, tests by set_all_config. pulumi.Config reads
    # single keys, so it can't list unknown keys.
    stack = pulumi.get_stack()
    try:
        settings = parse(
            {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()},
            schema=yaml.safe_load(SCHEMA.read_text())["config"],
            encrypted=runtime_config.is_config_secret,
        )
    except ConfigurationError as error:
        raise error.of_stack(stack) from None
    for warning in warnings(
        settings.machine,
        machines=settings.cluster.nodes if settings.cluster else 1,
        environment=settings.environment,
        endpoint=settings.endpoint,
        has_backup=settings.has_backup,
        alert_emails=settings.alert_emails,
        # a cluster reports none, and needs no user for them
        has_metrics=bool(settings.metrics_key.user or settings.cluster),
        allowed_http_cidrs=settings.allowed_http_cidrs,
    ):
        pulumi.log.warn(advice.of_stack(warning, stack))
    return checked_by_service(settings)


def parse(
    configuration: Mapping[str, str],
    *,
    schema: Mapping[str, Mapping[str, Any]],
    encrypted: Callable[[str], bool],
) -> Settings:
    """Return the settings of a configuration; raise ConfigurationError with all its problems.

    `configuration` maps `namespace:key` to text (lists and objects as JSON), as the engine passes
    it. `schema` is the section `config` of Pulumi.yaml. `encrypted` returns whether the value of a
    `namespace:key` is encrypted.
    """
    values = Values(configuration, schema)
    values.refuse_unknown_keys()
    values.refuse_plain_secrets(encrypted=encrypted)
    values.refuse_rotation("nextSshHostKey")
    region = values.region("oci:region")
    has_server = not platform.is_cluster(values)
    login_key = values.ed25519("sshPrivateKey", required=has_server)
    vcn_cidr = values.cidr("vcnCidr", prefixes=range(16, 31), apart_from=CONTAINERS)
    plain, secret = variables.read(values)
    tenancy_id = values.tenancy("oci:tenancyOcid")
    promoted = values.promoted("imageDigest", "imageRevision", "imageOrigin")
    registry = Registry(
        repository=values.repository("imageRepository"),
        push=values.login("registryUsername", "registryPassword", builds=promoted is None),
        pull=values.pull_login(
            "registryPullUsername",
            "registryPullPassword",
            builder=("registryUsername", "registryPassword"),
        ),
    )
    settings = Settings(
        # platform
        cluster=platform.read(values, vcn_cidr=vcn_cidr),
        # where
        region=region,
        tenancy_id=tenancy_id,
        compartment_id=values.ocid("compartmentOcid"),
        availability_domain_index=values.integer("availabilityDomainIndex", 0, 2),
        fault_domain=values.matching(
            "faultDomain", _FAULT_DOMAIN, "FAULT-DOMAIN-1, the number up to 3", required=False
        ),
        # network
        vcn_cidr=vcn_cidr,
        subnet_cidr=values.cidr("subnetCidr", prefixes=range(16, 31), inside=("vcnCidr", vcn_cidr)),
        allowed_ssh_cidrs=values.ssh_cidrs("allowedSshCidrs", consent="allowSshFromAnywhere"),
        allowed_http_cidrs=values.cidrs("allowedHttpCidrs"),
        # server
        machine=Machine(
            shape=values.matching("shape", _SHAPE, "VM.Standard.A1.Flex"),
            ocpus=values.integer("ocpus", 1, 80),
            memory_in_gbs=values.integer("memoryInGbs", 1, 512),
            image_ocid=values.ocid("imageOcid", required=False),
            ubuntu_version=values.matching("ubuntuVersion", _UBUNTU, "24.04"),
            boot_volume_in_gbs=values.integer("bootVolumeInGbs", 50, 32768),
            data_volume_in_gbs=values.integer("dataVolumeInGbs", 50, 32768),
            data_volume_backups=values.boolean("dataVolumeBackups"),
        ),
        protect=values.boolean("protect"),
        reboot_window=values.window("rebootWindow"),
        login_key=login_key,
        host_key=values.ed25519("sshHostKey", required=has_server),
        operators=operators.read(values, login_key),
        # image
        registry=registry,
        bases=Bases(
            runtime=values.text("baseImage", required=False),
            builder=values.text("builderImage", required=False),
        ),
        promoted=promoted,
        # release
        signing_key=pulumi.Output.secret(values.p256("signingKey")),
        endpoint=Endpoint(
            domain=values.matching("domain", _DOMAIN, "auth.example.com", required=False),
            allow_plain_http=values.boolean("allowPlainHttp"),
            directory=values.matching("acmeDirectory", _HTTPS, "https://HOST/PATH", required=False),
            roots=values.certificates("acmeRoots"),
        ),
        environment=values.choice("environment", ("production", "development")),
        service_settings=plain,
        service_secrets={name: pulumi.Output.secret(value) for name, value in secret.items()},
        database=database.read(values, vcn_cidr),
        canary=values.canary("canaryPercent", "canarySeconds"),
        maintenance=Maintenance() if values.boolean("maintenance") else None,
        # backup
        backup_bucket=values.backup_bucket(region),
        # alarms
        alert_emails=values.emails("alertEmails"),
        metrics_key=values.metrics_key(tenancy_id, region),
        # dashboard
        metrics_store=MetricsStore(
            image=values.matching(
                "dashboardImage",
                _IMAGE,
                "docker.io/victoriametrics/victoria-metrics@sha256:…",
                required=False,
            ),
            registry=registry,
        )
        if values.boolean("dashboard")
        else None,
        # log
        log=values.log(region),
        # money
        monthly_budget=values.budget("monthlyBudget", recipients="alertEmails"),
    )
    values.check_drill_account()
    if values.problems:
        # the program ends here, and the operator should see the service's problems as well
        others = variables.of_program(endpoint=settings.endpoint, environment=settings.environment)
        values.problems += variables.refused_by_service(
            {**others, **plain, **secret}, secret=secret
        )
        raise ConfigurationError(values.problems)
    return settings


_IMAGE = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
_SHAPE = re.compile(r"(VM|BM)\.[A-Za-z0-9.]+")
_FAULT_DOMAIN = re.compile(r"FAULT-DOMAIN-[123]")
_UBUNTU = re.compile(r"\d\d\.04")
_HTTPS = re.compile(r"https://[!#-z|~]+")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def checked_by_service(settings: Settings) -> Settings:
    """Return the settings with the service's variables as outputs, known after the service's check.

    A release waits for them, and so does a preview of a release; no other resource does.
    """
    plain, secret = settings.service_settings, settings.service_secrets
    if not plain and not secret:
        return settings
    checked = variables.checked(
        {
            **variables.of_program(endpoint=settings.endpoint, environment=settings.environment),
            "AUTH_SIGNING_KEY": settings.signing_key,
            **plain,
            **secret,
        },
        secret=frozenset(secret),
    )
    return replace(
        settings,
        service_settings={name: pulumi.Output.unsecret(checked[name]) for name in plain},
        service_secrets={name: checked[name] for name in secret},
    )
