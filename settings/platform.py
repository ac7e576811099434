"""The platform of the service: one server, or a cluster with the keys of its plan."""

import re

import pulumi
from cryptography.hazmat.primitives import serialization

from components import acme_account
from components.cluster_plan import Certificate, ClusterPlan, Replicas
from settings.database import POSTGRESQL
from settings.values import Values, overlap

SERVER, CLUSTER = "server", "cluster"
_VERSION = re.compile(r"v1\.\d{2}(\.\d{1,2})?")
# Keys of one VM: a cluster would have no use for them. The keys of its SSH server may stay for a
# way back, and `dashboard` is true by default.
OF_SERVER = (
    *("availabilityDomainIndex", "faultDomain", "ubuntuVersion"),
    *("dataVolumeInGbs", "dataVolumeBackups", "rebootWindow", "operators", "nextSshHostKey"),
    *("canaryPercent", "canarySeconds", "maintenance"),
    *("backupBucket", "backupEndpoint", "backupAccessKey", "backupSecretKey"),
    *("drillEmail", "drillPassword", "dashboardImage"),
    *("metricsUserOcid", "metricsPrivateKey", "metricsEndpoint", "logOcid", "logEndpoint"),
)
OF_CLUSTER = (
    *("kubernetesVersion", "nodes", "replicas", "maxReplicas"),
    *("endpointSubnetCidr", "nodeSubnetCidr", "certificate", "certificateKey"),
    "acmeAccountKey",
)
# what serves the purpose of such a key on a cluster
_INSTEAD = {
    "canaryPercent": "a new release gets requests container by container",
    "maintenance": "Kubernetes has no page in place of the service",
    "backupBucket": "the backups are those of the PostgreSQL server",
    "drillEmail": "a drill restores copies of SQLite",
    "operators": "people use the cluster by their own users of Oracle Cloud",
    "metricsUserOcid": "the metrics are posted by a server",
    "logOcid": "the lines are posted by a server",
    "availabilityDomainIndex": "the nodes are in all availability domains of the region",
    "faultDomain": "Oracle spreads the nodes over fault domains",
}


def read(values: Values, *, vcn_cidr: str) -> ClusterPlan | None:
    """Read the plan of a cluster; None for the platform server.

    Keys that only the other platform uses are refused.
    """
    platform = values.choice("platform", (SERVER, CLUSTER))
    if platform != CLUSTER:
        _refuse_others(values, OF_CLUSTER, platform)
        return None
    _refuse_others(values, OF_SERVER, platform)
    _refuse_sqlite(values)
    _refuse_address_without_certificate(values)
    blocks = {
        key: values.cidr(key, prefixes=range(16, 30), inside=("vcnCidr", vcn_cidr))
        for key in ("endpointSubnetCidr", "nodeSubnetCidr")
    }
    _refuse_overlaps(values, blocks)
    return ClusterPlan(
        kubernetes_version=values.matching("kubernetesVersion", _VERSION, "v1.34 or v1.34.1"),
        nodes=values.integer("nodes", 1, 50),
        endpoint_subnet_cidr=blocks["endpointSubnetCidr"],
        node_subnet_cidr=blocks["nodeSubnetCidr"],
        replicas=_replicas(values),
        certificate=_certificate(values),
        acme_thumbprint=_acme_thumbprint(values),
    )


def is_cluster(values: Values) -> bool:
    return values.text("platform", required=False) == CLUSTER


def _refuse_others(values: Values, keys: tuple[str, ...], platform: str) -> None:
    """Refuse keys that are set, and that the platform has no use for."""
    for key in keys:
        if values.is_changed(key):
            reason = f": {_INSTEAD[key]}" if key in _INSTEAD and platform == CLUSTER else ""
            values.refuse(
                f"auth:{key} is set, and auth:platform is {platform}, which does not use "
                f"it{reason}. Remove it:",
                f"pulumi config rm auth:{key}",
            )


def _refuse_sqlite(values: Values) -> None:
    if values.text("database", required=False) != POSTGRESQL:
        values.refuse(
            "auth:database is sqlite, a file on the data volume of one VM, and the replicas of "
            "auth:platform cluster share a PostgreSQL server. Move the accounts of a stack that "
            "has some while its platform is server (`make move-database TO=postgresql`); for a "
            "new stack:",
            f"pulumi config set auth:database {POSTGRESQL}",
        )


def _refuse_address_without_certificate(values: Values) -> None:
    domain = values.text("domain", required=False)
    if not domain and values.text("allowPlainHttp", required=False) != "true":
        values.refuse(
            "auth:domain is empty, and auth:platform is cluster, whose load balancer has HTTPS for "
            "a domain alone. Set it, or let passwords travel unencrypted by auth:allowPlainHttp:",
            "pulumi config set auth:domain NAME",
        )


def _refuse_overlaps(values: Values, blocks: dict[str, str]) -> None:
    """Refuse blocks that overlap each other, or another subnet of the program."""
    others = {**blocks, "subnetCidr": values.text("subnetCidr", required=False)}
    others["databaseSubnetCidr"] = values.text("databaseSubnetCidr", required=False)
    names = list(others)
    for index, key in enumerate(blocks):
        for other in names[index + 1 :]:
            if overlap(others[key], others[other]):
                values.refuse(
                    f"auth:{key} is {others[key]}, which overlaps auth:{other}, "
                    f"{others[other]}. Each is a subnet of its own. Choose another block:",
                    f"pulumi config set auth:{key} BLOCK",
                )


def _replicas(values: Values) -> Replicas:
    least = values.integer("replicas", 2, 100)
    most = values.integer("maxReplicas", 0, 100) or least
    if most < least:
        values.refuse(
            f"auth:maxReplicas is {most}, less than auth:replicas, {least}. Raise it:",
            f"pulumi config set auth:maxReplicas {least}",
        )
    return Replicas(least=least, most=most)


def _certificate(values: Values) -> Certificate | None:
    """Read the certificate of the load balancer; no problem shows the key."""
    chain = values.certificates("certificate")
    key = values.text("certificateKey", required=False).strip()
    if not chain and not key:
        return None
    if not (chain and key):
        there, missing = ("certificate", "certificateKey")[:: 1 if chain else -1]
        values.refuse(
            f"auth:{there} is set, and auth:{missing} is not: a certificate has its key. "
            "Set it from a file:",
            f"pulumi config set --secret auth:{missing} < FILE"
            if missing == "certificateKey"
            else f"pulumi config set auth:{missing} < FILE",
        )
    elif not values.problems and not _belong(chain, key):
        values.refuse(
            "auth:certificateKey is not the private key, in PEM, of the first certificate in "
            "auth:certificate. Set it from a file:",
            "pulumi config set --secret auth:certificateKey < FILE",
        )
    return Certificate(chain=chain, key=pulumi.Output.secret(f"{key}\n"))


def _acme_thumbprint(values: Values) -> str:
    """Read the key of the account at the CA; return its thumbprint, which is no secret."""
    key = values.text("acmeAccountKey", required=False).strip()
    try:
        return acme_account.thumbprint(key) if key else ""
    except ValueError:
        values.refuse(
            "auth:acmeAccountKey is not an EC private key on P-256 in PEM without a passphrase. "
            "Remove it, and `make renew` makes another:",
            "pulumi config rm auth:acmeAccountKey",
        )
        return ""


def _belong(chain: str, key: str) -> bool:
    """Return whether a key in PEM is that of the first certificate."""
    from cryptography import x509  # noqa: PLC0415 - 14 modules, for a cluster with HTTPS alone

    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        public = serialization.load_pem_private_key(key.encode(), None).public_key()
        certificate = x509.load_pem_x509_certificates(chain.encode())[0].public_key()
    except (ValueError, TypeError):
        return False
    return public.public_bytes(*form) == certificate.public_bytes(*form)
