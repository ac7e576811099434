"""The private CA of the database systems, which signs the certificates of their servers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from common import files

_DAYS = 3650


class DatabaseAuthority:
    """A key and its certificate in a folder of the home, made at the first use."""

    def __init__(self, folder: Path) -> None:
        self._key_file, self._file = folder / "ca.key", folder / "ca.pem"

    @property
    def certificate(self) -> str:
        """The CA's certificate, in PEM."""
        self._ensure()
        return self._file.read_text()

    def sign(self, name: str) -> tuple[bytes, bytes]:
        """Return a new certificate for a host name, and its key, both in PEM."""
        self._ensure()
        authority = x509.load_pem_x509_certificate(self._file.read_bytes())
        authority_key = load_pem_private_key(self._key_file.read_bytes(), password=None)
        if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._key_file} has no key of an elliptic curve")
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(name, key.public_key())
            .issuer_name(authority.subject)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
            .sign(authority_key, SHA256())
        )
        return certificate.public_bytes(Encoding.PEM), _pem(key)

    def _ensure(self) -> None:
        if self._file.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder("PostgreSQL Service Private CA", key.public_key())
        certificate = (
            builder.issuer_name(_name("PostgreSQL Service Private CA"))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=True,
                    crl_sign=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(key, SHA256())
        )
        files.write(self._key_file, _pem(key))
        files.write(self._file, certificate.public_bytes(Encoding.PEM), mode=0o644)


def _builder(common_name: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    # a common name has at most 64 characters; clients read the subject's alternative name
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
