"""The certificate of the server's TLS port: its own authority, for the home's one address."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from localcloud import secret_file
from localcloud.home import Home

_YEARS = timedelta(days=10 * 365)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    file: Path
    key_file: Path


def of(home: Home) -> Certificate:
    """Return the home's certificate, made on first use."""
    made = Certificate(
        file=home.certificate_file, key_file=home.certificate_file.with_name("key.pem")
    )
    if made.file.exists():
        return made
    made.file.parent.mkdir(mode=0o700, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"localcloud {home.id}")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(home.address)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret_file.write(
        made.key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    secret_file.write(made.file, certificate.public_bytes(Encoding.PEM))
    return made
