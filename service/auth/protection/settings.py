"""How the service protects and watches itself, as its environment tells it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from auth.environment import Reader
from auth.protection import addresses
from auth.protection.addresses import Network
from auth.protection.rates import DEFAULTS, Rate, rates

# an origin as browsers send it (RFC 6454 §6.1): no path, no trailing slash, no `null`, no `*`
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-f:]+\](:[0-9]+)?")
_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


@dataclass(frozen=True, kw_only=True)
class Protection:
    """Times in seconds.

    Trusted proxies may say for whom they ask. `metrics_from` are the networks that may read the
    metrics. `origins` may call the service from a browser. `lockout_after` failed logins, an
    account is locked for its client.
    """

    trusted_proxies: tuple[Network, ...] = addresses.LOOPBACK
    metrics_from: tuple[Network, ...] = addresses.LOOPBACK
    origins: tuple[str, ...] = ()
    rates: Mapping[str, Rate] = field(default_factory=lambda: dict(DEFAULTS))
    lockout_after: int = 5
    body_seconds: int = 30
    request_seconds: int = 30
    audit_days: int = 365
    otlp_endpoint: str = ""

    @classmethod
    def read(cls, reader: Reader) -> "Protection":
        """Read AUTH_* variables; the reader remembers what is wrong with them."""
        return cls(
            trusted_proxies=_networks(reader, "AUTH_TRUSTED_PROXIES"),
            metrics_from=_networks(reader, "AUTH_METRICS_FROM"),
            origins=_origins(reader, "AUTH_CORS_ORIGINS"),
            rates=_rates(reader, "AUTH_RATE_LIMITS"),
            lockout_after=reader.integer("AUTH_LOCKOUT_AFTER", 5, range(1, 1001)),
            body_seconds=reader.integer("AUTH_BODY_SECONDS", 30, range(6, 301)),
            request_seconds=reader.integer("AUTH_REQUEST_SECONDS", 30, range(5, 301)),
            audit_days=reader.integer("AUTH_AUDIT_DAYS", 365, range(1, 3651)),
            otlp_endpoint=_url(reader, "AUTH_OTLP_ENDPOINT"),
        )


def _networks(reader: Reader, name: str) -> tuple[Network, ...]:
    try:
        return addresses.networks(reader.optional(name, "loopback gateway"))
    except ValueError:
        reader.refuse(f"{name} must list networks: CIDRs, `loopback`, `gateway`.")
        return ()


def _origins(reader: Reader, name: str) -> tuple[str, ...]:
    origins = tuple(reader.optional(name, "").replace(",", " ").split())
    if not all(map(_ORIGIN.fullmatch, origins)):
        reader.refuse(
            f"{name} must list origins, as https://app.example.org, in lower case and without a "
            "path; `*` is none."
        )
    return origins


def _rates(reader: Reader, name: str) -> Mapping[str, Rate]:
    try:
        return rates(reader.optional(name, ""))
    except ValueError:
        names = ", ".join(DEFAULTS)
        reader.refuse(
            f"{name} must list limits as `login=60/60` (count/seconds) or `login=off`, or be `off`;"
            f" their names are {names}."
        )
        return DEFAULTS


def _url(reader: Reader, name: str) -> str:
    value = reader.optional(name, "").rstrip("/")
    if value and not _URL.fullmatch(value):
        reader.refuse(f"{name} must be an http or https URL without credentials.")
    return value
