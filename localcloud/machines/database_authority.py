"""The private CA of the database systems, which signs the certificates of their servers."""

from pathlib import Path

from common import files
from localcloud import certificates
from localcloud.certificates import KeyPair


class DatabaseAuthority:
    """A key and its certificate in a folder of the home, made at the first use."""

    def __init__(self, folder: Path) -> None:
        self._key_file, self._file = folder / "ca.key", folder / "ca.pem"

    @property
    def certificate(self) -> str:
        """The CA's certificate, in PEM."""
        return self._pair().certificate

    def sign(self, name: str) -> KeyPair:
        """Return a new certificate for a host name, and its key."""
        return certificates.issue(self._pair(), name, hosts=[name])

    def _pair(self) -> KeyPair:
        if not self._file.exists():
            made = certificates.new_authority("PostgreSQL Service Private CA")
            files.write(self._key_file, made.key.encode())
            files.write(self._file, made.certificate.encode(), mode=0o644)
        return KeyPair(certificate=self._file.read_text(), key=self._key_file.read_text())
