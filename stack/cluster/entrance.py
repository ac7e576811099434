"""The service as its users reach it, through the load balancer: its answer and its certificate."""

import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from cryptography import x509

_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The rest of a certificate's life."""

    days: float
    percent: float


def problem(url: str, *, authority: Path) -> str | None:
    """Ask a URL; return None for an answer of 2xx, else the problem.

    The certificate must be valid, by this machine's authorities or that of an emulated cloud.
    """
    try:
        answer = httpx.get(url, verify=_verified(authority), timeout=_SECONDS, trust_env=False)
    except httpx.TimeoutException:
        return f"no answer within {_SECONDS} s"
    except httpx.HTTPError as error:
        return f"no answer ({str(error) or type(error).__name__})"
    return None if answer.is_success else f"HTTP {answer.status_code}"


def certificate(url: str) -> Certificate | None:
    """Return the life of the certificate behind a URL, valid or not; None without one."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), _SECONDS) as plain,
            unverified.wrap_socket(plain, server_hostname=parts.hostname) as link,
        ):
            shown = x509.load_der_x509_certificate(link.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return None
    begin = shown.not_valid_before_utc.timestamp()
    end = shown.not_valid_after_utc.timestamp()
    left = end - time.time()
    return Certificate(days=left / 86400, percent=100 * left / (end - begin))


def _verified(authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority.exists():
        context.load_verify_locations(authority)
    return context
