"""The values of a configuration, read by type and rule."""

import ipaddress
import json
import re
import ssl
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components import advice, keys
from components.backup import Bucket
from components.image import Login, Promoted
from components.keys import KeyPair
from components.metrics import MetricsKey
from host.auth_release import monitoring
from host.auth_release.desired import Canary
from settings.problems import Problem

ANYWHERE = "0.0.0.0/0"
_SHOWN = 40  # characters of a long value, in a refusal

MADE_BY_INIT = ("databasePassword", "signingKey", "sshHostKey", "sshPrivateKey")
# keys whose values must be encrypted in the stack's file
SECRETS = (
    *("registryPassword", "registryPullPassword", "backupSecretKey", "metricsPrivateKey"),
    *("drillPassword", "nextSshHostKey", "databaseUrl", "certificateKey", "acmeAccountKey"),
    *MADE_BY_INIT,
)

_OCID = re.compile(r"ocid1\.[a-z]+\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9]+")
_LOG_OCID = re.compile(r"ocid1\.log\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9]+")
_REGION = re.compile(r"[a-z]{2,}-[a-z]+-\d+")
_REPOSITORY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,256}")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REVISION = re.compile(r"([0-9a-f]{7,40}|unversioned)(-dirty)?")
_ORIGIN = re.compile(r"[ -~]{1,100}")
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_WINDOW = re.compile(
    rf"(Mon|Tue|Wed|Thu|Fri|Sat|Sun|daily) (?P<begin>{_TIME})-(?P<end>{_TIME}) UTC"
)
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


class Values:
    """Reads each key by its rule, and collects the problems, so that a refusal lists them all.

    A method whose value breaks its rule adds a problem, and returns some value of its type.
    """

    def __init__(
        self, configuration: Mapping[str, str], schema: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._configuration = configuration
        self._schema = schema
        self.problems: list[Problem] = []

    def refuse(self, text: str, command: str = "") -> None:
        self.problems.append(Problem(text, command))

    def refuse_unknown_keys(self) -> None:
        for name in sorted(self._configuration):
            namespace, _, key = name.partition(":")
            if namespace == "auth" and key not in self._schema:
                close = get_close_matches(key, self._schema, n=1)
                hint = f"Did you mean auth:{close[0]}?" if close else "Pulumi.yaml lists the keys."
                self.refuse(
                    f"auth:{key} is not a key of this program. {hint} Remove it:",
                    f"pulumi config rm {name}",
                )

    def refuse_plain_secrets(self, *, encrypted: Callable[[str], bool]) -> None:
        """Refuse secrets in plain text, as the stack's file is committed."""
        arguments = {
            **{f"auth:{key}": f"auth:{key}" for key in SECRETS},
            "auth:serviceSecrets": "--path auth:serviceSecrets.NAME",
            "oci:privateKey": "oci:privateKey",
        }
        for name, argument in arguments.items():
            if self._configuration.get(name, "{}") not in {"", "{}"} and not encrypted(name):
                self.refuse(
                    f"{name} is not encrypted in the stack's file. If the plain value was ever "
                    "committed, first replace it at its source. Set it again, from a file with "
                    "the value:",
                    f"pulumi config set --secret {argument} < FILE",
                )

    def region(self, name: str) -> str:
        region = self._configuration.get(name, "")
        if not _REGION.fullmatch(region):
            self.refuse(
                f"{name} is {region!r}; it must be a region identifier such as eu-madrid-1.",
                f"pulumi config set {name} REGION",
            )
        return region

    def tenancy(self, name: str) -> str:
        tenancy = self._configuration.get(name, "")
        if not _OCID.fullmatch(tenancy):
            self.refuse(
                f"{name} is {tenancy!r}; it must be the tenancy's OCID.",
                f"pulumi config set {name} OCID",
            )
        return tenancy

    def text(self, key: str, *, required: bool = True) -> str:
        """Return the value, or the default of the schema; an empty required value is a problem."""
        value = self._configuration.get(f"auth:{key}", self._default(key))
        if required and value.strip() in {"", "[]"}:
            self._refuse_missing(key)
            return ""
        return value

    def is_changed(self, key: str) -> bool:
        """Return whether the value is another than the default of the schema."""
        value, default = self.text(key, required=False), self._default(key)
        return bool(_parsed(value) != _parsed(default))

    def integer(self, key: str, low: int, high: int) -> int:
        value = self.text(key)
        if value.isascii() and value.isdigit() and low <= int(value) <= high:
            return int(value)
        self._refuse_value(key, value, f"must be a whole number from {low} to {high}", "NUMBER")
        return low

    def boolean(self, key: str) -> bool:
        value = self.text(key)
        if value not in {"true", "false"}:
            self._refuse_value(key, value, "must be true or false")
        return value == "true"

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            self._refuse_value(key, value, f"must be {' or '.join(choices)}")
        return value

    def matching(
        self, key: str, pattern: re.Pattern[str], example: str, *, required: bool = True
    ) -> str:
        value = self.text(key, required=required)
        if value and not pattern.fullmatch(value):
            self._refuse_value(key, value, f"must look like {example}")
        return value

    def window(self, key: str) -> str:
        """Read a window of a day or of each day, in UTC; it may be empty."""
        value = self.text(key, required=False)
        match = _WINDOW.fullmatch(value)
        if value and not (match and match["begin"] < match["end"]):
            rule = "must be a day, or daily, with a time from and to in UTC: Sun 03:00-05:00 UTC"
            self._refuse_value(key, value, rule, "'Sun 03:00-05:00 UTC'")
        return value

    def ocid(self, key: str, *, required: bool = True) -> str:
        value = self.text(key, required=required)
        if value and not _OCID.fullmatch(value):
            rule = "must be an OCID, ocid1.<type>.<realm>.<region>.<id>"
            self._refuse_value(key, value, rule, "OCID")
        return value

    def repository(self, key: str) -> str:
        """Read SERVER/PATH; without a server, Docker would take Docker Hub."""
        value = self.text(key)
        example = "such as ghcr.io/acme/auth-service"
        server, _, path = value.partition("/")
        rule = None
        if value != value.lower():
            rule = f"must be in lower case, as registries demand: {value.lower()}"
        elif not path or not (server == "localhost" or re.search(r"[.:]", server)):
            rule = f"must begin with the registry's server, {example}"
        elif server in _DOCKER_HUB:
            rule = (
                "must be in another registry than Docker Hub, which leaves out the server in "
                f"the name of a digest, {example}"
            )
        elif not _REPOSITORY.fullmatch(value):
            rule = f"must be REGISTRY/PATH without a tag or a digest, {example}"
        if rule:
            self._refuse_value(key, value, rule, "REGISTRY/PATH")
        return value

    def cidr(
        self,
        key: str,
        *,
        prefixes: range,
        inside: tuple[str, str] | None = None,
        apart_from: ipaddress.IPv4Network | None = None,
    ) -> str:
        """Read an IPv4 block, `inside` the block of another key and `apart_from` a fixed block."""
        value = self.text(key)
        network = _network(value)
        outer_key, outer = inside or ("", "")
        outer_network = _network(outer)
        rule = None
        if network is None:
            rule = "must be an IPv4 block without host bits, such as 10.0.0.0/16"
        elif network.prefixlen not in prefixes:
            rule = f"must have a prefix from /{prefixes.start} to /{prefixes.stop - 1}"
        elif outer_network and not network.subnet_of(outer_network):
            rule = f"must lie inside auth:{outer_key} ({outer})"
        elif apart_from and network.overlaps(apart_from):
            rule = f"must not overlap {apart_from}, the block of the containers on the VM"
        if rule:
            self._refuse_value(key, value, rule, "BLOCK")
        return value

    def cidrs(self, key: str) -> tuple[str, ...]:
        value = self.text(key)
        try:
            blocks = json.loads(value or "[]")
        except ValueError:
            blocks = None
        if not isinstance(blocks, list) or not blocks:
            rule = 'must be a list of IPv4 blocks, such as ["203.0.113.7/32"]'
            self._refuse_value(key, value, rule, "BLOCK")
            return ()
        for block in blocks:
            if _network(str(block)) is None:
                rule = "must be an IPv4 block such as 203.0.113.7/32"
                self._refuse_value(key, str(block), rule, "BLOCK")
        return tuple(str(block) for block in blocks)

    def emails(self, key: str) -> tuple[str, ...]:
        """Read a list of different e-mail addresses; it may be empty."""
        value = self.text(key, required=False)
        try:
            addresses = json.loads(value or "[]")
        except ValueError:
            addresses = None
        if not isinstance(addresses, list):
            rule = 'must be a list of e-mail addresses, such as ["oncall@example.com"]'
            self._refuse_value(key, value, rule, "ADDRESS")
            return ()
        for address in map(str, addresses):
            if not _EMAIL.fullmatch(address):
                rule = "must be an e-mail address such as oncall@example.com"
                self._refuse_value(key, address or '""', rule, "ADDRESS")
            elif addresses.count(address) > 1:
                self.refuse(f"auth:{key} has {address} twice. Name each address once.")
                break
        return tuple(map(str, addresses))

    def budget(self, key: str, *, recipients: str) -> int:
        """Read an amount of money; somebody must get the mails about it."""
        amount = self.integer(key, 0, 1_000_000_000)
        if amount and self.text(recipients, required=False).strip() in {"", "[]"}:
            self.refuse(
                f"auth:{key} is {amount}, and auth:{recipients} is empty: nobody would get the "
                "mails about it. Name an address, or set the budget to 0:",
                self._command(recipients, "ADDRESS"),
            )
        return amount

    def ssh_cidrs(self, key: str, *, consent: str) -> tuple[str, ...]:
        """Read IPv4 blocks; the whole internet needs the boolean key `consent` as well."""
        blocks = self.cidrs(key)
        if ANYWHERE in blocks and not self.boolean(consent):
            self.refuse(
                f"auth:{key} holds {ANYWHERE}, which lets the whole internet try to log in. Name "
                "your own addresses instead, or confirm it:",
                f"pulumi config set auth:{consent} true",
            )
        return blocks

    def refuse_rotation(self, key: str) -> None:
        """Refuse the key that a rotation leaves if it is interrupted."""
        if self.text(key, required=False):
            self.refuse(
                f"auth:{key} is set: a rotation of the host key was interrupted, and the server "
                "may show either key. Finish it:",
                advice.make("rotate KEY=host", pulumi.get_stack()),
            )

    def ed25519(self, key: str, *, required: bool = True) -> KeyPair:
        value, public = self._pem(key, required=required), ""
        try:
            public = keys.ed25519_public(value) if value else ""
        except ValueError as error:
            # never the value, which is a secret
            self._refuse_key(key, f"must be an ed25519 private key in OpenSSH format ({error})")
        return KeyPair(private=pulumi.Output.secret(value), public=public)

    def p256(self, key: str) -> str:
        value = self._pem(key)
        try:
            if value:
                keys.check_p256(value)
        except ValueError as error:
            self._refuse_key(key, f"must be an EC P-256 private key in PEM ({error})")
        return value

    def login(self, username_key: str, password_key: str, *, builds: bool) -> Login:
        """Read the builder's login; a stack that builds no image needs no password."""
        password = self.text(password_key, required=builds)
        return Login(username=self.text(username_key), password=pulumi.Output.secret(password))

    def pull_login(
        self, username_key: str, password_key: str, *, builder: tuple[str, str]
    ) -> Login:
        """Read the server's login; with the builder's password an intruder there could push."""
        builder_username, builder_password = (self.text(key, required=False) for key in builder)
        password = self.text(password_key)
        if password and password == builder_password:
            self.refuse(
                f"auth:{password_key} is the same as auth:{builder[1]}; the server must not hold "
                "a registry token that can push. Create a token that may only read, and set it:",
                f"pulumi config set --secret auth:{password_key} < FILE",
            )
        return Login(
            username=self.text(username_key, required=False) or builder_username,
            password=pulumi.Output.secret(password),
        )

    def promoted(self, digest_key: str, revision_key: str, origin_key: str) -> Promoted | None:
        """Read a promoted image; its digest and its revision are nothing without each other."""
        digest = self.matching(digest_key, _DIGEST, f"sha256:{'0' * 64}", required=False)
        revision = self.matching(revision_key, _REVISION, "0123456789ab", required=False)
        origin = self.matching(origin_key, _ORIGIN, "r12 of dev", required=False)
        if digest and revision:
            return Promoted(digest=digest, revision=revision, origin=origin)
        if not (digest or revision or origin):
            return None
        present, missing = (digest_key, revision_key) if digest else (revision_key, digest_key)
        if origin and not revision and not digest:
            present = origin_key
        self.refuse(
            f"auth:{present} is set, and auth:{missing} is not: a promoted image has both. Let "
            "`make promote FROM=STACK TO=STACK` set them, or build an image again:",
            f"pulumi config rm auth:{present}",
        )
        return None

    def backup_bucket(self, region: str) -> Bucket:
        """Read the bucket for copies; its other keys are required with a name."""
        name = self.matching("backupBucket", _BUCKET, "auth-backup", required=False)
        if not name:
            return Bucket()
        endpoint = self.text("backupEndpoint")
        if urlsplit(endpoint).scheme not in {"https", "http"} or "?" in endpoint:
            self._refuse_value(
                "backupEndpoint",
                endpoint,
                "must be the URL of an S3-compatible API, such as "
                "https://NAMESPACE.compat.objectstorage.eu-madrid-1.oraclecloud.com",
                "URL",
            )
        return Bucket(
            name=name,
            endpoint=endpoint.rstrip("/"),
            region=region,
            access_key=self.text("backupAccessKey"),
            secret_key=pulumi.Output.secret(self.text("backupSecretKey")),
        )

    def metrics_key(self, tenancy: str, region: str) -> MetricsKey:
        """Read the API key that posts metrics; a user without a key is refused, and vice versa."""
        names = ("metricsUserOcid", "metricsPrivateKey")
        if not any(self.text(name, required=False) for name in names):
            return MetricsKey()
        user, private_key, fingerprint = self.ocid(names[0]), self._pem(names[1]), ""
        try:
            fingerprint = keys.api_key_fingerprint(private_key) if private_key else ""
        except ValueError as error:
            self.refuse(
                f"auth:{names[1]} must be an RSA private key in PEM ({error}). Oracle's console "
                "makes it, on the page of its user; set it from that file:",
                self._command(names[1]),
            )
        endpoint = self._endpoint("metricsEndpoint", "Oracle Monitoring's API")
        return MetricsKey(
            endpoint=endpoint or monitoring.endpoint(region),
            tenancy=tenancy,
            user=user,
            fingerprint=fingerprint,
            private_key=pulumi.Output.secret(private_key),
        )

    def log(self, region: str) -> monitoring.Log | None:
        """Read the custom log for the lines of the server; it needs the user who posts metrics."""
        example = "ocid1.log.oc1.eu-madrid-1.…: the OCID of a custom log, not of its log group"
        ocid = self.matching("logOcid", _LOG_OCID, example, required=False)
        endpoint = self._endpoint("logEndpoint", "Oracle Logging's ingestion")
        if not ocid:
            return None
        if not self.text("metricsUserOcid", required=False):
            self.refuse(
                "auth:logOcid is set, and auth:metricsUserOcid is not: this user posts the lines "
                "of the log, too. Make the user (docs/oracle-cloud.md, step 7), and set it:",
                self._command("metricsUserOcid", "OCID"),
            )
        return monitoring.Log(ocid=ocid, endpoint=endpoint or monitoring.ingestion(region))

    def check_drill_account(self) -> None:
        """Check the account that signs in during a drill; the program itself does not use it."""
        email = self.matching("drillEmail", _EMAIL, "drill@example.com", required=False)
        if email:
            self.text("drillPassword")

    def certificates(self, key: str) -> str:
        """Read certificates in PEM; the value may be empty."""
        value = self.text(key, required=False).strip()
        try:
            if value:
                ssl.create_default_context(cadata=value)
        except (ssl.SSLError, ValueError):
            self._refuse_value(key, value[:_SHOWN], "must be certificates in PEM", "< FILE")
        return f"{value}\n" if value else ""

    def canary(self, percent_key: str, seconds_key: str) -> Canary | None:
        percent = self.integer(percent_key, 0, 99)
        seconds = self.integer(seconds_key, 1, 600)
        return Canary(percent=percent, seconds=seconds) if percent else None

    def _endpoint(self, key: str, what: str) -> str:
        """Read the URL of an API; it may be empty, for that of the region."""
        endpoint = self.text(key, required=False)
        if endpoint and urlsplit(endpoint).scheme not in {"https", "http"}:
            self._refuse_value(key, endpoint, f"must be the URL of {what}", "URL")
        return endpoint.rstrip("/")

    def _pem(self, key: str, *, required: bool = True) -> str:
        """Read a key with the newline at its end, which the CLI removes and sshd needs."""
        value = self.text(key, required=required).strip()
        return f"{value}\n" if value else ""

    def _default(self, key: str) -> str:
        default = self._schema[key]["default"]
        return default if isinstance(default, str) else json.dumps(default)

    def _refuse_missing(self, key: str) -> None:
        remedy = "Set it:"
        if key in MADE_BY_INIT:
            remedy = "Let `make init STACK=NAME` make it, or set it from a file:"
        elif key in SECRETS:
            remedy = "Set it from a file:"
        self.refuse(
            f"auth:{key} is not set. It is the {self._schema[key]['description']}. {remedy}",
            self._command(key),
        )

    def _refuse_value(self, key: str, value: str, rule: str, placeholder: str = "VALUE") -> None:
        if value.strip():  # an empty value is already a problem, as missing
            self.refuse(f"auth:{key} is {value!r}; it {rule}.", self._command(key, placeholder))

    def _refuse_key(self, key: str, rule: str) -> None:
        self.refuse(
            f"auth:{key} {rule}. `make init` makes a key, or set yours from a file:",
            self._command(key),
        )

    def _command(self, key: str, placeholder: str = "VALUE") -> str:
        if key in SECRETS:
            return f"pulumi config set --secret auth:{key} < FILE"
        if isinstance(self._schema[key]["default"], list):
            return f"pulumi config set --path 'auth:{key}[0]' {placeholder}"
        return f"pulumi config set auth:{key} {placeholder}"


def _network(block: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(block) if "/" in block else None
    except ValueError:
        return None


def _parsed(value: str) -> Any:
    """Return the value as JSON has it, as lists and objects may be written in several ways."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def overlap(*blocks: str) -> bool:
    """Check whether two blocks share an address; a text that is no block is refused elsewhere."""
    try:
        first, second = (ipaddress.IPv4Network(block) for block in blocks)
    except ValueError:
        return False  # refused where the block is read
    return first.overlaps(second)
