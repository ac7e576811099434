"""A valid configuration; its keys are generated for each run."""

from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from stack import secrets

SCHEMA: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text())[
    "config"
]
LOGIN_KEY, HOST_KEY, SIGNING_KEY = secrets.ssh_key(), secrets.ssh_key(), secrets.signing_key()
API_KEY = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)


def configuration(**changes: str | None) -> dict[str, str]:
    """Return a valid configuration with changes by key; None removes a key."""
    values: dict[str, str | None] = {
        "oci:region": "eu-madrid-1",
        "oci:tenancyOcid": "ocid1.tenancy.oc1..aaaa",
        "auth:compartmentOcid": "ocid1.compartment.oc1..aaaa",
        "auth:allowedSshCidrs": '["198.51.100.0/24"]',
        "auth:sshPrivateKey": LOGIN_KEY,
        "auth:sshHostKey": HOST_KEY,
        "auth:signingKey": SIGNING_KEY,
        "auth:imageRepository": "ghcr.io/acme/auth-service",
        "auth:registryUsername": "acme",
        "auth:registryPassword": "a-token",
        "auth:registryPullPassword": "a-token-that-reads",
        "auth:backupBucket": "auth-backup",
        "auth:backupEndpoint": "https://acme.compat.objectstorage.eu-madrid-1.oraclecloud.com",
        "auth:backupAccessKey": "an-access-key",
        "auth:backupSecretKey": "a-key-that-copies",
        "auth:metricsUserOcid": "ocid1.user.oc1..reporter",
        "auth:metricsPrivateKey": API_KEY,
        "auth:logOcid": "ocid1.log.oc1.eu-madrid-1.aaaa",
        "auth:drillEmail": "drill@example.com",
        "auth:drillPassword": "a-password-of-drills",
        "auth:alertEmails": '["oncall@example.com"]',
        "auth:monthlyBudget": "20",
    }
    values |= {f"auth:{key}": value for key, value in changes.items()}
    return {key: value for key, value in values.items() if value is not None}
