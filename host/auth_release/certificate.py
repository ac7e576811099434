"""The certificates of a site: whether they are served, and why a CA would refuse them.

A certificate comes from an ACME CA (RFC 8555), which asks the site's address from outside.
"""

import contextlib
import ipaddress
import json
import re
import socket
import ssl
import time
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from . import asking, dns
from .desired import Desired, Tls
from .errors import ReleaseError
from .programs import run

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_SECONDS = 5
_DIRECTORY_SECONDS = 15
# The CA looks from several places, and an attempt that fails is repeated after a minute.
DEADLINE_SECONDS = 150
_POLL_SECONDS = 0.5


def names(site: str) -> list[str]:
    """List the hosts of a site's addresses that are served by HTTPS."""
    hosts = [asking.address(address) for address in re.split(r"[,\s]+", site) if address]
    return [host for host, _, is_tls in hosts if is_tls and host]


def missing(site: str) -> list[str]:
    """List the names of a site for which the proxy serves no valid certificate."""
    return [name for name in names(site) if not _is_served(name)]


def _is_served(name: str) -> bool:
    """Check whether the proxy serves a valid certificate for a name.

    Its dates and its names decide. This host may not trust its CA.
    """
    try:
        served = asking.certificate(name, asking.HTTPS_PORT)
        strict = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(served or b""))
        strict.verify_flags = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        with (
            socket.create_connection(("127.0.0.1", asking.HTTPS_PORT), _SECONDS) as plain,
            strict.wrap_socket(plain, server_hostname=name),
        ):
            return True
    except (OSError, ValueError):
        return False


def check(desired: Desired) -> None:
    """Raise ReleaseError if a name of the site could get no certificate, with the way out."""
    if desired.tls is None or not (lacking := missing(desired.site)):
        return
    directory = _directory(desired.tls)
    answers = [_problem(name, desired.tls, directory) for name in lacking]
    if problems := list(filter(None, answers)):
        raise ReleaseError(
            f"{'; '.join(problems)}. The site stays as it is; docs/runbook.md, `Certificates`"
        )


def wait(hosts: Sequence[str], *, since: float) -> None:
    """Wait until the proxy serves a certificate for each host; raise ReleaseError with a reason.

    `since` is the moment at which the proxy began to ask for them.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while lacking := [host for host in hosts if not _is_served(host)]:
        if time.monotonic() >= deadline:
            raise ReleaseError(
                f"no certificate for {', '.join(lacking)} within {DEADLINE_SECONDS} s: "
                f"{_last_refusal(since)}. The site stays as it is; docs/runbook.md, `Certificates`"
            )
        time.sleep(_POLL_SECONDS)


def _directory(tls: Tls) -> Mapping[str, Any]:
    """Return the CA's directory (RFC 8555, section 7.1.1)."""
    url = tls.directory or LETS_ENCRYPT
    try:
        context = ssl.create_default_context(cadata=tls.roots or None)
        with urllib.request.urlopen(url, timeout=_DIRECTORY_SECONDS, context=context) as answer:  # noqa: S310 - of the configuration
            return dict(json.load(answer))
    except (OSError, ValueError, TypeError) as error:
        raise ReleaseError(f"the CA's directory {url} gives no answer: {error}") from None


def _problem(name: str, tls: Tls, directory: Mapping[str, Any]) -> str | None:
    """Describe why the CA would refuse a name."""
    meta = directory.get("meta") or {}
    if tls.profile and tls.profile not in (meta.get("profiles") or {}):
        return f"the CA has no profile `{tls.profile}`, which certificates for addresses need"
    if _is_address(name):
        return None if name == tls.address else f"{name} is not the address of this VM"
    try:
        return _problem_of_dns(name, tls.address, meta.get("caaIdentities") or [])
    except dns.DnsError as error:
        return str(error)


def _problem_of_dns(name: str, address: str, identities: Sequence[str]) -> str | None:
    points_to = dns.addresses(name, dns.A)
    if not points_to:
        return f"{name} has no address in the DNS. Make an A record with {address}"
    if points_to != [address]:
        return (
            f"{name} points to {', '.join(points_to)}, and this VM has {address}. Change its A "
            "record, and wait as long as the former record may be kept (its TTL)"
        )
    if newer := dns.addresses(name, dns.AAAA):
        return (
            f"{name} has the IPv6 address {', '.join(newer)}, which the CA asks first. This VM "
            "has no IPv6: remove the AAAA record"
        )
    allowed = dns.issuers(name)
    if allowed is None or not identities or {*allowed} & {*identities}:
        return None
    return (
        f"the CAA records of {name} allow {', '.join(allowed) or 'no CA'} alone. Add this record: "
        f'CAA 0 issue "{identities[0]}"'
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _last_refusal(since: float) -> str:
    """Return the newest reason in the proxy's log why a certificate was refused."""
    log = run(
        *("journalctl", "--unit=caddy.service", "--output=cat", "--no-pager"),
        f"--since=@{since:.0f}",
    )
    reason = "the CA did not answer"
    for line in log.splitlines():
        with contextlib.suppress(ValueError, AttributeError):
            entry = json.loads(line)
            if str(entry.get("logger", "")).startswith("tls") and entry.get("error"):
                reason = str(entry["error"])
    return reason
