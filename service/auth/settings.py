"""What the service is told by its environment, checked whole before it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from auth.clients.settings import OAuthSettings
from auth.environment import Reader
from auth.errors import SettingsError
from auth.mail.carriers import MailSettings
from auth.protection.settings import Protection

__all__ = ["Settings", "SettingsError"]

PRODUCTION, DEVELOPMENT = "production", "development"
DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Times in seconds. `database_url` is SQLAlchemy's."""

    signing_key: str = field(repr=False)
    issuer: str
    audience: str
    database_url: str = field(repr=False)
    # what seals secrets in the database, the current one first
    secret_keys: tuple[str, ...] = field(repr=False)
    host: str = "0.0.0.0"  # noqa: S104 - in a container; the host publishes it on loopback
    port: int = 8000
    environment: str = PRODUCTION
    revision: str = "unversioned"
    revision_time: str = ""
    access_token_seconds: int = 600
    refresh_token_seconds: int = 30 * DAY
    refresh_grace_seconds: int = 10
    session_seconds: int = 90 * DAY
    reauthentication_seconds: int = 900
    signing_algorithm: str = ""
    signing_key_days: int = 0
    signing_key_publish_seconds: int = 360
    require_verified_email: bool = False
    reveal_registered: bool = False
    verify_url: str = ""
    reset_url: str = ""
    mail: MailSettings = field(default_factory=MailSettings)
    oauth: OAuthSettings = field(default_factory=OAuthSettings)
    protection: Protection = field(default_factory=Protection)
    hashing_workers: int = 2
    hashing_queue: int = 32
    drain_seconds: int = 1

    @property
    def development(self) -> bool:
        return self.environment != PRODUCTION

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read AUTH_* variables; NAME_FILE names a file that holds the value of NAME."""
        reader = Reader(environment)
        settings = cls.read(reader)
        reader.raise_problems()
        return settings

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read AUTH_* variables; the reader remembers what is wrong with them."""
        issuer = reader.url("AUTH_ISSUER")
        signing_key = reader.signing_key("AUTH_SIGNING_KEY")
        return cls(
            signing_key=signing_key,
            issuer=issuer,
            audience=reader.optional("AUTH_AUDIENCE", issuer),
            database_url=reader.database("AUTH_DATABASE_URL"),
            secret_keys=(
                # one secret less to keep for those who never change the signing key by hand
                reader.secret("AUTH_SECRET_KEY") or signing_key,
                *filter(None, [reader.secret("AUTH_SECRET_KEY_PREVIOUS"), signing_key]),
            ),
            port=reader.integer("AUTH_PORT", 8000, range(1, 65536)),
            environment=reader.choice("AUTH_ENVIRONMENT", PRODUCTION, (PRODUCTION, DEVELOPMENT)),
            revision=reader.optional("AUTH_REVISION", "unversioned"),
            revision_time=reader.optional("AUTH_REVISION_TIME", ""),
            access_token_seconds=reader.integer("AUTH_ACCESS_TOKEN_SECONDS", 600, range(30, 901)),
            refresh_token_seconds=reader.integer(
                "AUTH_REFRESH_TOKEN_SECONDS", 30 * DAY, range(60, 366 * DAY)
            ),
            refresh_grace_seconds=reader.integer("AUTH_REFRESH_GRACE_SECONDS", 10, range(61)),
            session_seconds=reader.integer("AUTH_SESSION_SECONDS", 90 * DAY, range(60, 731 * DAY)),
            reauthentication_seconds=reader.integer(
                "AUTH_REAUTHENTICATION_SECONDS", 900, range(1, DAY)
            ),
            signing_algorithm=reader.choice("AUTH_SIGNING_ALGORITHM", "", ("ES256", "Ed25519", "")),
            signing_key_days=reader.integer("AUTH_SIGNING_KEY_DAYS", 0, range(3651)),
            signing_key_publish_seconds=reader.integer(
                "AUTH_SIGNING_KEY_PUBLISH_SECONDS", 360, range(DAY)
            ),
            require_verified_email=reader.flag("AUTH_REQUIRE_VERIFIED_EMAIL"),
            reveal_registered=reader.flag("AUTH_REVEAL_REGISTERED"),
            verify_url=reader.link("AUTH_VERIFY_URL", f"{issuer}/verify-email?token={{token}}"),
            reset_url=reader.link("AUTH_RESET_URL", f"{issuer}/reset-password?token={{token}}"),
            mail=reader.mail(issuer),
            oauth=OAuthSettings.read(reader, issuer),
            protection=Protection.read(reader),
            hashing_workers=reader.integer("AUTH_HASHING_WORKERS", 2, range(1, 65)),
            hashing_queue=reader.integer("AUTH_HASHING_QUEUE", 32, range(1, 1025)),
            drain_seconds=reader.integer("AUTH_DRAIN_SECONDS", 1, range(61)),
        )


def problems(environment: Mapping[str, str]) -> list[str]:
    """Return what is wrong with an environment, asked before and elsewhere than the service starts.

    Each is a sentence that begins with the name of a variable. Names that no setting has are wrong
    here: somebody means something by them. A start lets them pass, as an earlier release must start
    with what a later one was told.
    """
    reader = Reader(environment, files=False)
    Settings.read(reader)
    reader.refuse_unknown()
    return reader.problems


def secret_names() -> frozenset[str]:
    """Return the names of the variables that hold secrets."""
    reader = Reader({}, files=False)
    Settings.read(reader)
    return reader.secret_names
