"""The customer secret key: an access key and a secret for the S3-compatible API."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from common import files
from localcloud.state.home import Home

BUCKET = "auth-backup"
PREFIX = "/s3"  # of the paths; Oracle has a host name of its own for this API


@dataclass(frozen=True, kw_only=True)
class CustomerKey:
    """The key of the user who may read and write the backup bucket, and nothing else."""

    access_key: str
    secret: str

    @classmethod
    def open(cls, home: Home) -> Self:
        """Read the key of a home, making it on first use."""
        file = cls.file(home)
        if not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            files.write(file, secrets.token_urlsafe(33))
        secret = file.read_text(encoding="utf-8")
        # as long as Oracle's: 40 hexadecimal digits
        name = hashlib.sha1(secret.encode(), usedforsecurity=False).hexdigest()
        return cls(access_key=name, secret=secret)

    @staticmethod
    def file(home: Home) -> Path:
        """Return the file of the secret, which its user alone can read."""
        return home.path / "account" / "customer_secret_key"
