"""The certificate of a load balancer, as the stack's configuration has it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization

# Let's Encrypt's advice: https://letsencrypt.org/docs/integration-guide/#when-to-renew
_RENEWED_AT = 1 / 3


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The first certificate of a chain: the names it is for, its begin, and its end."""

    names: tuple[str, ...]
    begin: datetime
    end: datetime
    der: bytes
    public_key: bytes  # DER

    @classmethod
    def read(cls, chain: str) -> Self:
        """Read a chain in PEM; raise ValueError for another text."""
        first = x509.load_pem_x509_certificates(chain.encode())[0]
        extension = first.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return cls(
            names=tuple(extension.value.get_values_for_type(x509.DNSName)),
            begin=first.not_valid_before_utc,
            end=first.not_valid_after_utc,
            der=first.public_bytes(serialization.Encoding.DER),
            public_key=_der(first.public_key()),
        )

    @classmethod
    def found(cls, chain: str) -> Self | None:
        """Return the certificate of a chain in PEM, None for another text, such as none."""
        try:
            return cls.read(chain)
        except (ValueError, IndexError, x509.ExtensionNotFound):
            return None

    def belongs_to(self, private_key: str) -> bool:
        """Return whether a private key in PEM is that of the certificate."""
        try:
            key = serialization.load_pem_private_key(private_key.encode(), None)
        except (ValueError, TypeError):
            return False
        return _der(key.public_key()) == self.public_key

    @property
    def renewal(self) -> datetime:
        """The moment from which a third of its life is left."""
        return self.end - (self.end - self.begin) * _RENEWED_AT

    def line(self, now: datetime) -> str:
        """Describe it in a line: its names, and its end."""
        names, end = ", ".join(self.names), f"{self.end:%Y-%m-%d %H:%M} UTC"
        if now >= self.end:
            return f"{names}: ended at {end}"
        return f"{names}: until {end} ({_duration(self.end - now)})"


def now() -> datetime:
    return datetime.now(UTC)


def _duration(left: timedelta) -> str:
    hours = int(left.total_seconds() // 3600)
    return f"{left.days} days" if left.days > 1 else f"{hours} h"


def _der(key: object) -> bytes:
    public_bytes = key.public_bytes  # type: ignore[attr-defined]
    return bytes(
        public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
