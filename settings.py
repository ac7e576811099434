"""The stack's configuration, checked whole before anything is registered.

`Pulumi.yaml` is the schema. Every problem is reported at once, each with its key, the value,
the rule and the way out.
"""

import asyncio
import ipaddress
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import config as runtime_config

from components import keys, service_settings
from components.image import Bases, Login, Registry
from components.keys import KeyPair
from components.machine import Machine
from host.auth_release.desired import Canary, Maintenance
from host.auth_release.network import SUBNET as CONTAINERS

PROJECT = Path(__file__).with_name("Pulumi.yaml")
ANYWHERE = "0.0.0.0/0"
# Oracle halved the Always Free A1 allowance in June 2026: 1,500 OCPU hours and 9,000 GB hours.
FREE_OCPUS, FREE_MEMORY_IN_GBS = 2, 12

# keys whose values must be encrypted in the stack's file
SECRETS = (
    *("registryPassword", "registryPullPassword"),
    *("signingKey", "sshHostKey", "sshPrivateKey"),
)

MADE = ("signingKey", "sshHostKey", "sshPrivateKey")  # by `make init`

# variables of the service that the program sets itself
GIVEN = frozenset(
    {"AUTH_ISSUER", "AUTH_ENVIRONMENT", "AUTH_SIGNING_KEY", "AUTH_PORT", "AUTH_DATA_DIR"}
)
# for documentation (RFC 5737): stands where the VM's address is not known yet
_SOME_ADDRESS = "http://192.0.2.1"

_OCID = re.compile(r"ocid1\.[a-z]+\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9]+")
_SHAPE = re.compile(r"(VM|BM)\.[A-Za-z0-9.]+")
_REGION = re.compile(r"[a-z]{2,}-[a-z]+-\d+")
_REPOSITORY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_URL_WITH_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^/?#\s:@]*:[^/?#\s@]+@", re.IGNORECASE)
_VARIABLE = re.compile(r"AUTH_[A-Z0-9_]+")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


class ConfigurationError(pulumi.RunError):
    """The configuration can't be used; the message lists every problem with its remedy."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the program needs to know, typed and checked. Secrets are secret outputs."""

    tenancy_id: str
    compartment_id: str
    availability_domain_index: int
    vcn_cidr: str
    subnet_cidr: str
    allowed_ssh_cidrs: tuple[str, ...]
    allowed_http_cidrs: tuple[str, ...]
    machine: Machine
    login_key: KeyPair
    host_key: KeyPair
    protect: bool
    registry: Registry
    bases: Bases
    signing_key: pulumi.Output[str]
    domain: str
    environment: str
    service_settings: Mapping[str, pulumi.Input[str]]
    service_secrets: Mapping[str, pulumi.Output[str]]
    canary: Canary | None
    maintenance: Maintenance | None


def load() -> Settings:
    """Read the configuration of the stack that the engine runs; raise ConfigurationError."""
    # The engine hands the values over in the environment, tests by set_all_config; pulumi.Config
    # reads one key at a time, which can't find the keys that should not be there.
    values = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    settings = parse(
        values,
        schema=yaml.safe_load(PROJECT.read_text())["config"],
        encrypted=runtime_config.is_config_secret,
    )
    for warning in warnings(settings):
        pulumi.log.warn(warning)
    return checked_by_service(settings)


def checked_by_service(settings: Settings) -> Settings:
    """Let the service's variables wait until the service's own check has passed them all.

    It runs in a thread, while the engine has work of its own. Nothing that could be made without
    these variables waits for it; a release, and so a preview of one, does.
    """
    plain, secret = settings.service_settings, settings.service_secrets
    if not plain and not secret:
        return settings
    given = {
        "AUTH_ISSUER": f"https://{settings.domain}" if settings.domain else _SOME_ADDRESS,
        "AUTH_ENVIRONMENT": settings.environment,
        "AUTH_SIGNING_KEY": settings.signing_key,
    }

    async def check(values: dict[str, Any]) -> dict[str, str]:
        await asyncio.to_thread(refuse_by_service, values, secret=frozenset(secret))
        return values

    passed: pulumi.Output[dict[str, str]] = pulumi.Output.all(**given, **plain, **secret).apply(
        check
    )
    return replace(
        settings,
        service_settings={name: pulumi.Output.unsecret(passed[name]) for name in plain},
        service_secrets={name: passed[name] for name in secret},
    )


def refuse_by_service(values: Mapping[str, str], *, secret: Collection[str]) -> None:
    """Raise ConfigurationError with everything that the service itself would refuse."""
    open_to_all = {*values} - {*secret} - GIVEN
    problems = [
        _move_to_secrets(name, "is a secret of the service")
        for name in sorted(open_to_all & service_settings.secret_names())
    ]
    for problem in service_settings.problems(values):
        name = problem.partition(" ")[0].partition("[")[0]
        key = "serviceSecrets" if name in secret else "serviceSettings"
        problems.append(_variable_problem(key, problem))
    _raise(problems)


def warnings(settings: Settings) -> list[str]:
    """Say what works but surprises: what costs money, and what travels in the clear."""
    found = []
    machine = settings.machine
    a1 = machine.shape == "VM.Standard.A1.Flex"
    if a1 and (machine.ocpus > FREE_OCPUS or machine.memory_in_gbs > FREE_MEMORY_IN_GBS):
        found.append(
            f"auth:ocpus={machine.ocpus} and auth:memoryInGbs={machine.memory_in_gbs} exceed "
            f"Always Free ({FREE_OCPUS} OCPUs and {FREE_MEMORY_IN_GBS} GB of A1 in all): "
            "this VM will cost money."
        )
    if settings.environment == "production" and not settings.domain:
        found.append(
            "auth:domain is empty: passwords and tokens travel unencrypted. Point a DNS name to "
            "the output serverIp, and set it: pulumi config set auth:domain NAME"
        )
    return found


def parse(
    values: Mapping[str, str],
    *,
    schema: Mapping[str, Mapping[str, Any]],
    encrypted: Callable[[str], bool],
) -> Settings:
    """Turn the engine's flat configuration into Settings, or raise with all that is wrong.

    `values` maps `namespace:key` to text (arrays as JSON), as the engine passes them; `schema`
    is the `config` section of Pulumi.yaml; `encrypted` tells of a key whether its value is.
    """
    reader = _Reader(values, schema)
    reader.refuse_unknown_keys()
    reader.refuse_plain(encrypted=encrypted)
    reader.provider_region()
    vcn_cidr = reader.cidr("vcnCidr", prefixes=range(16, 31))
    reader.outside("vcnCidr", vcn_cidr, CONTAINERS)
    subnet_cidr = reader.cidr("subnetCidr", prefixes=range(16, 31))
    reader.inside("subnetCidr", subnet_cidr, "vcnCidr", vcn_cidr)
    plain, secret = reader.variables("serviceSettings"), reader.variables("serviceSecrets")
    reader.apart("serviceSettings", plain, "serviceSecrets", secret)
    reader.refuse_passwords_in_urls(plain)
    settings = Settings(
        tenancy_id=reader.tenancy(),
        compartment_id=reader.ocid("compartmentOcid"),
        availability_domain_index=reader.integer("availabilityDomainIndex", 0, 2),
        vcn_cidr=vcn_cidr,
        subnet_cidr=subnet_cidr,
        allowed_ssh_cidrs=reader.ssh_cidrs(),
        allowed_http_cidrs=reader.cidrs("allowedHttpCidrs"),
        machine=Machine(
            shape=reader.matching("shape", _SHAPE, "VM.Standard.A1.Flex"),
            ocpus=reader.integer("ocpus", 1, 80),
            memory_in_gbs=reader.integer("memoryInGbs", 1, 512),
            image_ocid=reader.ocid("imageOcid", required=False),
            ubuntu_version=reader.matching("ubuntuVersion", re.compile(r"\d\d\.04"), "24.04"),
            boot_volume_in_gbs=reader.integer("bootVolumeInGbs", 50, 32768),
            data_volume_in_gbs=reader.integer("dataVolumeInGbs", 50, 32768),
        ),
        login_key=reader.ed25519("sshPrivateKey"),
        host_key=reader.ed25519("sshHostKey"),
        protect=reader.boolean("protect"),
        registry=Registry(
            repository=reader.repository("imageRepository"),
            push=reader.login(reader.text("registryUsername"), "registryPassword"),
            pull=reader.pull_login(),
        ),
        bases=Bases(
            runtime=reader.text("baseImage", required=False),
            builder=reader.text("builderImage", required=False),
        ),
        signing_key=pulumi.Output.secret(reader.signing_key()),
        domain=reader.matching("domain", _DOMAIN, "auth.example.com", required=False),
        environment=reader.choice("environment", ("production", "development")),
        service_settings=plain,
        service_secrets={name: pulumi.Output.secret(value) for name, value in secret.items()},
        canary=reader.canary(),
        maintenance=Maintenance() if reader.boolean("maintenance") else None,
    )
    reader.raise_problems()
    return settings


class _Reader:
    """Reads keys and remembers every problem, so that one run shows them all."""

    def __init__(self, values: Mapping[str, str], schema: Mapping[str, Mapping[str, Any]]) -> None:
        self._values = values
        self._schema = schema
        self._problems: list[str] = []

    def raise_problems(self) -> None:
        _raise(self._problems)

    def refuse_unknown_keys(self) -> None:
        for name in sorted(self._values):
            namespace, _, key = name.partition(":")
            if namespace == "auth" and key not in self._schema:
                close = get_close_matches(key, self._schema, n=1)
                hint = f"Did you mean auth:{close[0]}?" if close else "Pulumi.yaml lists the keys."
                self._problems.append(
                    f"auth:{key} is not a key of this program. {hint} "
                    f"Remove it with: pulumi config rm {name}"
                )

    def refuse_plain(self, *, encrypted: Callable[[str], bool]) -> None:
        """Refuse secrets in plain text: the file of the stack is committed."""
        secrets = {
            **{f"auth:{key}": f"auth:{key}" for key in SECRETS},
            "auth:serviceSecrets": "--path auth:serviceSecrets.NAME",
            "oci:privateKey": "oci:privateKey",
        }
        for name, argument in secrets.items():
            if self._values.get(name, "{}") not in {"", "{}"} and not encrypted(name):
                self._problems.append(
                    f"{name} is not encrypted in the stack's file. Set it anew, from a file with "
                    f"the value: pulumi config set --secret {argument} < FILE. If the plain value "
                    "was ever committed, replace it at its source as well."
                )

    def provider_region(self) -> None:
        region = self._values.get("oci:region", "")
        if not _REGION.fullmatch(region):
            self._problems.append(
                f"oci:region is {region!r}; it must be a region identifier such as eu-madrid-1. "
                "Set it with: pulumi config set oci:region REGION"
            )

    def tenancy(self) -> str:
        tenancy = self._values.get("oci:tenancyOcid", "")
        if not _OCID.fullmatch(tenancy):
            self._problems.append(
                f"oci:tenancyOcid is {tenancy!r}; it must be the tenancy's OCID. "
                "Set it with: pulumi config set oci:tenancyOcid OCID"
            )
        return tenancy

    def text(self, key: str, *, required: bool = True) -> str:
        value = self._values.get(f"auth:{key}", self._default(key))
        if required and value.strip() in {"", "[]"}:
            self._missing(key)
            return ""
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        value = self.text(key)
        if value.isascii() and value.isdigit() and low <= int(value) <= high:
            return int(value)
        self._refuse(key, value, f"must be a whole number from {low} to {high}")
        return low

    def boolean(self, key: str) -> bool:
        value = self.text(key)
        if value not in {"true", "false"}:
            self._refuse(key, value, "must be true or false")
        return value == "true"

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            self._refuse(key, value, f"must be one of {', '.join(choices)}")
        return value

    def matching(
        self, key: str, pattern: re.Pattern[str], example: str, *, required: bool = True
    ) -> str:
        value = self.text(key, required=required)
        if value and not pattern.fullmatch(value):
            self._refuse(key, value, f"must look like {example}")
        return value

    def repository(self, key: str) -> str:
        """Read REGISTRY/PATH; without a server Docker would ask Docker Hub."""
        value = self.text(key)
        example = "such as ghcr.io/acme/auth-service"
        server, _, path = value.partition("/")
        if value != value.lower():
            self._refuse(
                key, value, f"must be in lower case, as registries demand: {value.lower()}"
            )
        elif not path or not (server == "localhost" or re.search(r"[.:]", server)):
            self._refuse(key, value, f"must begin with the registry's server, {example}")
        elif server in _DOCKER_HUB:
            self._refuse(
                key,
                value,
                "names Docker Hub, whose images carry no server in their digests' names; "
                f"take another registry, {example}",
            )
        elif not _REPOSITORY.fullmatch(value):
            self._refuse(key, value, f"must be REGISTRY/PATH without a tag or a digest, {example}")
        return value

    def ocid(self, key: str, *, required: bool = True) -> str:
        value = self.text(key, required=required)
        if value and not _OCID.fullmatch(value):
            self._refuse(key, value, "must be an OCID, ocid1.<type>.<realm>.<region>.<id>")
        return value

    def cidr(self, key: str, *, prefixes: range) -> str:
        value = self.text(key)
        network = _network(value)
        if network is None:
            self._refuse(key, value, "must be an IPv4 block without host bits, such as 10.0.0.0/16")
        elif network.prefixlen not in prefixes:
            self._refuse(
                key, value, f"must have a prefix from /{prefixes.start} to /{prefixes.stop - 1}"
            )
        return value

    def inside(self, inner_key: str, inner: str, outer_key: str, outer: str) -> None:
        inner_network, outer_network = _network(inner), _network(outer)
        if inner_network and outer_network and not inner_network.subnet_of(outer_network):
            self._refuse(inner_key, inner, f"must lie inside auth:{outer_key} ({outer})")

    def outside(self, key: str, value: str, taken: ipaddress.IPv4Network) -> None:
        network = _network(value)
        if network and network.overlaps(taken):
            self._refuse(key, value, f"must not overlap {taken}, which containers on the VM have")

    def cidrs(self, key: str) -> tuple[str, ...]:
        value = self.text(key)
        try:
            blocks = json.loads(value or "[]")
        except ValueError:
            blocks = None
        if not isinstance(blocks, list) or not blocks:
            self._refuse(key, value, 'must be a list of IPv4 blocks, such as ["203.0.113.7/32"]')
            return ()
        for block in blocks:
            if _network(str(block)) is None:
                self._refuse(key, str(block), "must be an IPv4 block such as 203.0.113.7/32")
        return tuple(str(block) for block in blocks)

    def ssh_cidrs(self) -> tuple[str, ...]:
        blocks = self.cidrs("allowedSshCidrs")
        if ANYWHERE in blocks and not self.boolean("allowSshFromAnywhere"):
            self._problems.append(
                f"auth:allowedSshCidrs holds {ANYWHERE}, which lets the whole internet try to log "
                "in. Name your own addresses instead, or say that you mean it with: "
                "pulumi config set auth:allowSshFromAnywhere true"
            )
        return blocks

    def pem(self, key: str) -> str:
        """Read a key with the newline at its end, which the CLI drops and sshd insists on."""
        value = self.text(key).strip()
        return f"{value}\n" if value else ""

    def ed25519(self, key: str) -> KeyPair:
        value, public = self.pem(key), ""
        try:
            public = keys.ed25519_public(value) if value else ""
        except ValueError as error:
            # never the value: it is a secret, or meant to be one
            self._refuse_secret(key, f"must be an ed25519 private key in OpenSSH format ({error})")
        return KeyPair(private=pulumi.Output.secret(value), public=public)

    def login(self, username: str, password_key: str) -> Login:
        return Login(username=username, password=pulumi.Output.secret(self.text(password_key)))

    def pull_login(self) -> Login:
        """Read the server's login. With the builder's password an intruder there could push."""
        builder = self.text("registryUsername", required=False)
        own = self.text("registryPullUsername", required=False)
        password = self.text("registryPullPassword", required=False)
        if password and password == self.text("registryPassword", required=False):
            self._problems.append(
                "auth:registryPullPassword is the same as auth:registryPassword; the server must "
                "not hold a token that can push. Make one that may only read, and set it: "
                "pulumi config set --secret auth:registryPullPassword < FILE"
            )
        return self.login(own or builder, "registryPullPassword")

    def signing_key(self) -> str:
        value = self.pem("signingKey")
        try:
            if value:
                keys.check_p256(value)
        except ValueError as error:
            self._refuse_secret("signingKey", f"must be an EC P-256 private key in PEM ({error})")
        return value

    def variables(self, key: str) -> dict[str, str]:
        """Read an object of variables for the service; what is not text travels as JSON.

        What is wrong is told by name, never by value: some are secrets.
        """
        try:
            given = json.loads(self.text(key, required=False) or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            self._refuse_variable(key, "it must be an object, from names to values")
            return {}
        for name in sorted(given):
            if not _VARIABLE.fullmatch(name):
                self._refuse_variable(key, f"{name} is none of the service's, which begin by AUTH_")
            elif name.removesuffix("_FILE") in GIVEN:
                self._refuse_variable(key, f"{name} is set by this program")
        return {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in given.items()
        }

    def apart(
        self, key: str, values: Mapping[str, str], other_key: str, others: Mapping[str, str]
    ) -> None:
        for name in sorted({*values} & {*others}):
            self._refuse_variable(other_key, f"{name} is in auth:{key} as well; take it out of one")

    def refuse_passwords_in_urls(self, values: Mapping[str, str]) -> None:
        """Refuse a password in a URL: plain variables show in `docker inspect` and in argv."""
        for name, value in sorted(values.items()):
            if _URL_WITH_PASSWORD.search(value):
                self._problems.append(_move_to_secrets(name, "holds a URL with a password"))

    def canary(self) -> Canary | None:
        percent = self.integer("canaryPercent", 0, 99)
        seconds = self.integer("canarySeconds", 1, 600)
        return Canary(percent=percent, seconds=seconds) if percent else None

    def _default(self, key: str) -> str:
        default = self._schema[key].get("default", "")
        return default if isinstance(default, str) else json.dumps(default)

    def _missing(self, key: str) -> None:
        if key in MADE:
            setting = f"--secret auth:{key} < FILE, or let `make init STACK=…` make one"
        elif key in SECRETS:
            setting = f"--secret auth:{key} < FILE"
        elif self._schema[key]["type"] == "array":
            setting = f"--path 'auth:{key}[0]' VALUE"
        else:
            setting = f"auth:{key} VALUE"
        self._problems.append(
            f"auth:{key} is not set. It is the {self._schema[key]['description']}. "
            f"Set it with: pulumi config set {setting}"
        )

    def _refuse(self, key: str, value: str, rule: str) -> None:
        if value.strip():  # an empty one was reported as missing
            self._problems.append(
                f"auth:{key} is {value!r}; it {rule}. Set it with: pulumi config set auth:{key} …"
            )

    def _refuse_variable(self, key: str, rule: str) -> None:
        self._problems.append(_variable_problem(key, rule))

    def _refuse_secret(self, key: str, rule: str) -> None:
        self._problems.append(
            f"auth:{key} {rule}. `make init` makes one, or set yours from a file: "
            f"pulumi config set --secret auth:{key} < FILE"
        )


def _network(block: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(block) if "/" in block else None
    except ValueError:
        return None


def _variable_problem(key: str, rule: str) -> str:
    end = "" if rule.endswith((".", "?")) else "."
    return (
        f"auth:{key}: {rule}{end} docs/service.md lists the names. Set one with: "
        f"pulumi config set --path auth:{key}.NAME VALUE"
    )


def _move_to_secrets(name: str, reason: str) -> str:
    return (
        f"auth:serviceSettings: {name} {reason}, and these variables can be read by whoever sees "
        "the container. Move it to auth:serviceSecrets, from a file with the value: "
        f"pulumi config rm --path auth:serviceSettings.{name} && "
        f"pulumi config set --secret --path auth:serviceSecrets.{name} < FILE"
    )


def _raise(problems: Sequence[str]) -> None:
    if problems:
        heading = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the stack's"
        lines = [f"{heading} configuration:", *(f"  - {problem}" for problem in problems)]
        raise ConfigurationError("\n".join(lines))
