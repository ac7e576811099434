"""What the service is told by its environment, checked whole before it starts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

_PLACEHOLDER = re.compile(r"change.?me|placeholder|example|secret|xxx|todo", re.IGNORECASE)


class SettingsError(Exception):
    """The environment can't be used; the text names every variable that is wrong, no value."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Times in seconds. `database_url` is SQLAlchemy's."""

    signing_key: str = field(repr=False)
    issuer: str
    audience: str
    database_url: str = field(repr=False)
    host: str = "0.0.0.0"  # noqa: S104 - in a container; the host publishes it on loopback
    port: int = 8000
    environment: str = "production"
    revision: str = "unversioned"
    revision_time: str = ""
    access_token_seconds: int = 600
    hashing_workers: int = 2
    hashing_queue: int = 32
    drain_seconds: float = 1.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read AUTH_* variables; NAME_FILE names a file that holds the value of NAME."""
        reader = _Reader(environment)
        issuer = reader.url("AUTH_ISSUER")
        data = reader.optional("AUTH_DATA_DIR", "/data")
        settings = cls(
            signing_key=reader.signing_key("AUTH_SIGNING_KEY"),
            issuer=issuer,
            audience=reader.optional("AUTH_AUDIENCE", issuer),
            database_url=reader.optional("AUTH_DATABASE_URL", f"sqlite:///{data}/auth.sqlite"),
            port=reader.integer("AUTH_PORT", 8000, range(1, 65536)),
            environment=reader.choice(
                "AUTH_ENVIRONMENT", "production", ("production", "development")
            ),
            revision=reader.optional("AUTH_REVISION", "unversioned"),
            revision_time=reader.optional("AUTH_REVISION_TIME", ""),
            access_token_seconds=reader.integer("AUTH_ACCESS_TOKEN_SECONDS", 600, range(30, 901)),
            hashing_workers=reader.integer("AUTH_HASHING_WORKERS", 2, range(1, 65)),
            hashing_queue=reader.integer("AUTH_HASHING_QUEUE", 32, range(1, 1025)),
        )
        reader.raise_problems()
        return settings


class _Reader:
    """Reads variables and remembers each problem, so that one start shows them all."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def raise_problems(self) -> None:
        if self._problems:
            raise SettingsError("\n".join(["The service can't start:", *self._problems]))

    def optional(self, name: str, default: str) -> str:
        if name in self._environment:
            return self._environment[name].strip()
        path = self._environment.get(f"{name}_FILE")
        if not path:
            return default
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            self._problems.append(f"  {name}_FILE can't be read: {error}")
            return default

    def required(self, name: str) -> str:
        value = self.optional(name, "")
        if not value:
            self._problems.append(f"  {name} is not set. Set it, or {name}_FILE to a file with it.")
        return value

    def signing_key(self, name: str) -> str:
        value = self.required(name)
        if value and (_PLACEHOLDER.search(value) or "PRIVATE KEY" not in value):
            self._problems.append(
                f"  {name} is not a private key but a placeholder. Make one with: openssl genpkey "
                "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
            )
        return value

    def url(self, name: str) -> str:
        value = self.required(name).rstrip("/")
        if value and (
            urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc
        ):
            self._problems.append(f"  {name} must be an http or https URL.")
        return value

    def integer(self, name: str, default: int, allowed: range) -> int:
        value = self.optional(name, str(default))
        if value.isascii() and value.isdigit() and int(value) in allowed:
            return int(value)
        self._problems.append(
            f"  {name} must be a whole number from {allowed.start} to {allowed.stop - 1}."
        )
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.optional(name, default)
        if value not in choices:
            self._problems.append(f"  {name} must be one of {', '.join(choices)}.")
        return value
