"""Certificates that sign themselves, for the servers of tests."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class SelfSigned:
    """A certificate that is its own CA, and its key, in PEM."""

    certificate: str
    key: str

    def server_context(self, folder: Path) -> ssl.SSLContext:
        """Return the TLS of a server that shows it, through a file in the folder."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.stored(folder / "pair.pem"))
        return context

    def stored(self, file: Path) -> Path:
        """Write the key and the certificate into one file, as servers in Python load them."""
        file.write_text(self.key + self.certificate)
        return file


def self_signed(
    *names: str, age: timedelta = _DAY, rest: timedelta = _DAY, passphrase: str = ""
) -> SelfSigned:
    """Make a certificate for names and addresses, which began `age` ago and ends after `rest`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - age)
        .not_valid_after(now + rest)
        .add_extension(x509.SubjectAlternativeName(map(_general, names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return SelfSigned(
        certificate=signed.public_bytes(Encoding.PEM).decode(),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode(),
    )


def certificate(folder: Path, host: str = "localhost") -> Path:
    """Make a certificate for a name or an address, with its key beside it (key.pem)."""
    made = self_signed(host)
    path = folder / "certificate.pem"
    path.write_text(made.certificate)
    (folder / "key.pem").write_text(made.key)
    return path


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
