"""The service's database, from `auth:database` and the keys that begin with its name."""

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import pulumi

from components.database import CA_FILE, PUBLIC_CAS, VERIFIED, Database, Managed
from settings.values import Values, overlap

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_PORT = 5432
FORM = "postgresql://USER:PASSWORD@HOST:5432/NAME"
_LOOPBACK = re.compile(r"localhost|127\..*|::1")
_PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[-_])[A-Za-z0-9_-]{16,32}")
# of libpq; the others would lead elsewhere, or are the service's
_PARAMETERS = frozenset({"sslmode", "channel_binding"})


def read(values: Values, vcn_cidr: str) -> Database:
    """Read the database; the URL is a secret, and no problem shows it.

    PostgreSQL without a URL is a server that Oracle runs.
    """
    kind = values.choice("database", (SQLITE, POSTGRESQL))
    url = values.text("databaseUrl", required=False).strip()
    ca = values.certificates("databaseCa")
    uses_managed = kind == POSTGRESQL and not url
    is_managed = values.boolean("databaseSystem") or uses_managed
    managed = _managed(values, vcn_cidr) if is_managed else None
    if uses_managed:
        if ca:
            values.refuse(
                "auth:databaseCa is set without auth:databaseUrl, and Oracle's server brings its "
                "own CA. Set the URL of a server of yours, or remove the CA:",
                "pulumi config rm auth:databaseCa",
            )
        return Database(managed=managed, uses_managed=True)
    if kind != POSTGRESQL:
        _refuse_unused(values, url, ca)
        return Database(managed=managed)
    if rule := broken_rule(url):
        _refuse(values, rule)
        return Database(managed=managed)
    parts = _split(url)
    whole = pulumi.Output.secret(verified(url, CA_FILE if ca else PUBLIC_CAS))
    address = f"{parts.hostname}:{parts.port or _PORT}{parts.path}"
    return Database(url=whole, address=address, ca=ca, managed=managed)


def _managed(values: Values, vcn_cidr: str) -> Managed:
    """Read the server that Oracle runs; its password needs no quotes anywhere."""
    password = values.text("databasePassword")
    if password and not _PASSWORD.fullmatch(password):
        values.refuse(
            "auth:databasePassword must have 16 to 32 letters, digits, - and _, and one of each: a "
            "lowercase letter, an uppercase letter, a digit, and - or _. Set it from a file:",
            "pulumi config set --secret auth:databasePassword < FILE",
        )
    subnet = values.cidr("databaseSubnetCidr", prefixes=range(16, 31), inside=("vcnCidr", vcn_cidr))
    public = values.text("subnetCidr")
    if overlap(subnet, public):
        values.refuse(
            f"auth:databaseSubnetCidr is {subnet}, which overlaps auth:subnetCidr, {public}. The "
            f"server is in a subnet of its own. Choose another block in {vcn_cidr}:",
            "pulumi config set auth:databaseSubnetCidr BLOCK",
        )
    return Managed(
        password=pulumi.Output.secret(password),
        ocpus=values.integer("databaseOcpus", 1, 64),
        memory_in_gbs=values.integer("databaseMemoryInGbs", 16, 1024),
        subnet_cidr=subnet,
    )


def verified(url: str, roots: str) -> str:
    """Return a URL that keeps its rules as libpq takes it, with the file of the CAs."""
    parts = _split(url)
    parameters = {**dict(parse_qsl(parts.query)), "sslmode": VERIFIED, "sslrootcert": roots}
    # hosters also write postgres://
    return parts._replace(scheme="postgresql", query=urlencode(parameters, safe="/")).geturl()


def _refuse_unused(values: Values, url: str, ca: str) -> None:
    # as text: a wrong value is refused where the key itself is read
    if values.text("maintenance", required=False) == "true":
        return  # `make move-database` closes the site before the accounts move there
    for key, value in (("databaseUrl", url), ("databaseCa", ca)):
        if value:
            values.refuse(
                f"auth:{key} is set, and auth:database is {SQLITE}, which does not use it. "
                "Move the accounts there (`make move-database TO=postgresql`), or remove it:",
                f"pulumi config rm auth:{key}",
            )


def broken_rule(url: str) -> str:
    """Return the rule that a URL breaks; empty for a URL that the service can use."""
    parts = _split(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    others = sorted({*query} - _PARAMETERS)
    mode = query.get("sslmode", VERIFIED)
    rules = {
        f"must look like {FORM}; signs such as / # ? in a password are written as %2F %23 %3F": (
            parts.scheme in {"postgresql", "postgres"} and bool(parts.hostname)
        ),
        "names the container's own loopback, where no database is; name the server's host": (
            not _LOOPBACK.fullmatch(parts.hostname or "")
        ),
        f"must have a user and a password: {FORM}": bool(parts.username and parts.password),
        f"must name a database: {FORM}": bool(re.fullmatch(r"/[^/]+", parts.path)),
        f"must have no #, which begins a fragment; in a password it is %23: {FORM}": (
            not parts.fragment
        ),
        f"has sslmode={mode}, which sends the accounts to any server that answers; leave it out, "
        f"and it is {VERIFIED}. auth:databaseCa names a CA of your own": mode == VERIFIED,
        f"has {', '.join(others)}, which is not for a URL here; leave it out. A CA of your own is "
        "in auth:databaseCa": not others,
    }
    return next((rule for rule, holds in rules.items() if not holds), "")


def _refuse(values: Values, rule: str) -> None:
    values.refuse(
        f"auth:databaseUrl {rule}. Set it from a file:",
        "pulumi config set --secret auth:databaseUrl < FILE",
    )


def _split(url: str) -> SplitResult:
    """Split a URL; an invalid URL has empty parts."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reads it, and raises if it is no number
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts if url.isprintable() and " " not in url else SplitResult("", "", "", "", "")
