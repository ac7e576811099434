"""SSH from this machine's address for minutes, by a temporary rule in the stack's NSG.

On a cluster the rule leads to the API of Kubernetes, which takes SSH's place there.
The rule does not belong to the program: previews do not show it. Its description has its run and
its end, so that the next run deletes the rule of a killed run.
"""

import ipaddress
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from common.cluster_login import Kubeconfig
from review.errors import ReviewError
from stack import platforms
from stack.cloud_client import open_client
from stack.stack import Stack

_NSG = "oci:Core/networkSecurityGroup:NetworkSecurityGroup"
_ASK = ("https://checkip.amazonaws.com", "https://api.ipify.org")
_DESCRIPTION = re.compile(r"deployment run (\S+), until (\S+)")
_SSH, _KUBERNETES = 22, 6443
_OF_ENDPOINT = "::auth-endpoint-nsg"  # the end of its URN: components/cluster_network.py
_REACH_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class TemporaryRule:
    """A rule of ours in the NSG; times in UTC."""

    id: str
    source: str
    run: str
    until: datetime


class SshAccess:
    """The NSG of a stack, by Oracle's SDK with the credentials of the stack's configuration."""

    def __init__(self, stack: Stack, nsg: str, *, port: int = _SSH) -> None:
        # takes most of a second to import
        import oci  # noqa: PLC0415

        self._oci, self._nsg, self._port = oci, nsg, port
        self._client = open_client(
            stack, oci.core.VirtualNetworkClient, package="oci_core", path="/20160918"
        )

    def rules(self) -> list[TemporaryRule]:
        listed = self._call(
            self._oci.pagination.list_call_get_all_results,
            self._client.list_network_security_group_security_rules,
        ).data
        return [rule for item in listed if (rule := _temporary_rule(item))]

    def open(self, address: str, *, run: str, minutes: int) -> None:
        """Let the address in, by a single rule even if it is called again."""
        source = f"{address}/32"
        now = datetime.now(UTC)
        rules = self.rules()
        self._remove(rule for rule in rules if rule.until < now)
        if any((rule.source, rule.run) == (source, run) and rule.until >= now for rule in rules):
            return
        models = self._oci.core.models
        port = models.PortRange(min=self._port, max=self._port)
        until = (now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rule = models.AddSecurityRuleDetails(
            direction="INGRESS",
            protocol="6",
            source=source,
            source_type="CIDR_BLOCK",
            tcp_options=models.TcpOptions(destination_port_range=port),
            description=f"deployment run {run}, until {until}",
        )
        self._call(
            self._client.add_network_security_group_security_rules,
            details=models.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=[rule]),
        )

    def close(self, *, run: str) -> int:
        """Delete the rules of the run, and overdue rules of others; return their number."""
        now = datetime.now(UTC)
        return self._remove(rule for rule in self.rules() if rule.run == run or rule.until < now)

    def _remove(self, rules: Iterable[TemporaryRule]) -> int:
        ids = [rule.id for rule in rules]
        if ids:
            details = self._oci.core.models.RemoveNetworkSecurityGroupSecurityRulesDetails
            self._call(
                self._client.remove_network_security_group_security_rules,
                details=details(security_rule_ids=ids),
            )
        return len(ids)

    def _call(self, operation: Callable[..., Any], *arguments: Any, details: Any = None) -> Any:
        """Call an operation on the NSG; raise ReviewError with the cloud's own words."""
        try:
            return operation(*arguments, self._nsg, *([details] if details else []))
        except self._oci.exceptions.ServiceError as error:
            reason = f"{error.status}-{error.code}, {error.message}"
            raise ReviewError(f"The network security group can't be changed: {reason}") from None


def of(stack: Stack, *, make: bool = False) -> SshAccess | None:
    """Return the access to the stack's NSG; None without one. `make` makes the network first."""
    is_cluster = platforms.is_cluster(stack)
    nsg = _nsg(stack, is_cluster=is_cluster)
    if not nsg and make:
        # the server or the API answers as soon as it is there, so the rule must be there before
        kinds = ["Network", *(["ClusterNetwork"] if is_cluster else [])]
        networks = [f"urn:pulumi:{stack.name}::auth::auth:network:{kind}" for kind in kinds]
        stack.up(*(target for each in networks for target in (f"{each}::auth", f"{each}$**")))
        nsg = _nsg(stack, is_cluster=is_cluster)
    return SshAccess(stack, nsg, port=_KUBERNETES if is_cluster else _SSH) if nsg else None


def place(outputs: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the host and the port that a rule opens, from a stack's outputs; None without any."""
    if kubeconfig := outputs.get("kubeconfig"):
        server = urlsplit(Kubeconfig.read(str(kubeconfig)).server)
        return str(server.hostname), server.port or _KUBERNETES
    host = str(outputs.get("serverIp", ""))
    return (host, _SSH) if host else None


def own_address(ask: Callable[[str], str] | None = None) -> str:
    """Return this machine's address as the internet sees it."""
    for url in _ASK:
        try:
            text = (ask or _get)(url).strip()
            address = ipaddress.IPv4Address(text)
        except (httpx.HTTPError, ValueError):
            continue
        if address.is_global:
            return str(address)
    raise ReviewError(
        f"Neither {' nor '.join(_ASK)} returned this machine's address. Name it: ADDRESS=…"
    )


def checked(address: str) -> str:
    """Return the address; raise ReviewError for a network, since only a host is let in."""
    try:
        parsed = ipaddress.IPv4Address(address)
    except ValueError:
        raise ReviewError(f"ADDRESS is {address!r}; it must be an IPv4 address") from None
    if parsed.is_unspecified or parsed.is_multicast:
        raise ReviewError(f"ADDRESS is {address}, which no host has")
    return str(parsed)


def wait(host: str, port: int) -> None:
    """Wait until the port answers, as a rule takes a moment; go on with a warning if not."""
    deadline = time.monotonic() + _REACH_SECONDS
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError as error:
            if time.monotonic() > deadline:
                print(f"{host} does not answer on port {port} yet ({error}).", file=sys.stderr)
                return
            time.sleep(1)
        else:
            return


def _nsg(stack: Stack, *, is_cluster: bool) -> str:
    groups = (r for r in stack.resources() if r.get("type") == _NSG and not r.get("delete"))
    return next(
        (
            str(resource.get("id", ""))
            for resource in groups
            if not is_cluster or str(resource["urn"]).endswith(_OF_ENDPOINT)
        ),
        "",
    )


def _temporary_rule(rule: Any) -> TemporaryRule | None:
    match = _DESCRIPTION.fullmatch(rule.description or "")
    if not match:
        return None
    try:
        until = datetime.fromisoformat(match[2])
    except ValueError:
        return None
    return TemporaryRule(id=rule.id, source=rule.source, run=match[1], until=until)


def _get(url: str) -> str:
    return httpx.get(url, timeout=10).raise_for_status().text
