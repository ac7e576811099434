"""SSH from this machine's address for a while: one rule in the stack's NSG, taken away again.

The rule is none of the program's: a preview does not see it, and nothing waits for the program to
take it away. It carries its run and its end in the description, so that what a killed run left open
is closed by the next one.
"""

import ipaddress
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from common import client_hosts
from review.errors import ReviewError
from stack.stack import Stack

_NSG = "oci:Core/networkSecurityGroup:NetworkSecurityGroup"
_CLIENT = "oci_core.VirtualNetworkClient"
_ASK = ("https://checkip.amazonaws.com", "https://api.ipify.org")
_DESCRIPTION = re.compile(r"deployment run (\S+), until (\S+)")
_SSH = 22
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

    def __init__(self, stack: Stack, nsg: str) -> None:
        # takes most of a second to import
        import oci  # noqa: PLC0415

        self._oci, self._nsg = oci, nsg
        values = stack.configuration.values()
        config = {
            "tenancy": values.get("oci:tenancyOcid", ""),
            "user": values.get("oci:userOcid", ""),
            "fingerprint": values.get("oci:fingerprint", ""),
            "region": values.get("oci:region", ""),
            **_key(values),
        }
        endpoint = client_hosts.read(stack.env.get("CLIENT_HOST_OVERRIDES", "")).get(_CLIENT)
        service = {"service_endpoint": f"{endpoint.rstrip('/')}/20160918"} if endpoint else {}
        try:
            oci.config.validate_config(config)
            self._client = oci.core.VirtualNetworkClient(config, **service)
        except (oci.exceptions.ClientError, ValueError, OSError) as error:
            # what the SDK says may quote the key
            raise ReviewError(
                f"The oci credentials of {stack.name} can't be used ({type(error).__name__}); "
                "docs/oracle-cloud.md has what they are."
            ) from None

    def openings(self) -> list[TemporaryRule]:
        rules = self._call(
            self._oci.pagination.list_call_get_all_results,
            self._client.list_network_security_group_security_rules,
        ).data
        return [opening for rule in rules if (opening := _opening(rule))]

    def open(self, address: str, *, run: str, minutes: int) -> None:
        """Let the address in, once, however often it is asked."""
        source = f"{address}/32"
        now = datetime.now(UTC)
        known = self.openings()
        self._remove(o for o in known if o.until < now)
        if any((o.source, o.run) == (source, run) and o.until >= now for o in known):
            return
        models = self._oci.core.models
        port = models.PortRange(min=_SSH, max=_SSH)
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
        """Take away what the run opened, and what others should have; give how many."""
        now = datetime.now(UTC)
        return self._remove(o for o in self.openings() if o.run == run or o.until < now)

    def _remove(self, openings: Iterable[TemporaryRule]) -> int:
        ids = [opening.id for opening in openings]
        if ids:
            details = self._oci.core.models.RemoveNetworkSecurityGroupSecurityRulesDetails
            self._call(
                self._client.remove_network_security_group_security_rules,
                details=details(security_rule_ids=ids),
            )
        return len(ids)

    def _call(self, operation: Callable[..., Any], *arguments: Any, details: Any = None) -> Any:
        """Call an operation on the NSG, with the cloud's refusal as it words it."""
        try:
            return operation(*arguments, self._nsg, *([details] if details else []))
        except self._oci.exceptions.ServiceError as error:
            told = f"{error.status}-{error.code}, {error.message}"
            raise ReviewError(f"The security group can't be changed: {told}") from None


def of(stack: Stack, *, make: bool = False) -> SshAccess | None:
    """Give the stack's door; None if it has none yet, unless its network is to be made for it."""
    nsg = _nsg(stack)
    if not nsg and make:
        # the VM is reached by SSH as soon as it boots, so the door must be there before
        network = f"urn:pulumi:{stack.name}::auth::auth:network:Network"
        stack.up(f"{network}::auth", f"{network}$**")
        nsg = _nsg(stack)
    return SshAccess(stack, nsg) if nsg else None


def own_address(ask: Callable[[str], str] | None = None) -> str:
    """Give this machine's address as the internet sees it."""
    for url in _ASK:
        try:
            text = (ask or _get)(url).strip()
            address = ipaddress.IPv4Address(text)
        except (httpx.HTTPError, ValueError):
            continue
        if address.is_global:
            return str(address)
    raise ReviewError(
        f"Neither {' nor '.join(_ASK)} says what address this machine has. Name it: ADDRESS=…"
    )


def checked(address: str) -> str:
    """Give the address, or raise ReviewError: one host is let in, never a network."""
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        raise ReviewError(f"ADDRESS is {address!r}; it must be one IPv4 address") from None
    if found.is_unspecified or found.is_multicast:
        raise ReviewError(f"ADDRESS is {address}, which is nobody's")
    return str(found)


def wait(host: str) -> None:
    """Wait until SSH answers: a rule takes a moment. Says so and goes on if it does not."""
    deadline = time.monotonic() + _REACH_SECONDS
    while True:
        try:
            socket.create_connection((host, _SSH), timeout=5).close()
        except OSError as error:
            if time.monotonic() > deadline:
                print(f"{host} does not answer on port {_SSH} yet ({error}).", file=sys.stderr)
                return
            time.sleep(1)
        else:
            return


def _nsg(stack: Stack) -> str:
    found = (r for r in stack.resources() if r.get("type") == _NSG and not r.get("delete"))
    return next((str(resource.get("id", "")) for resource in found), "")


def _key(values: dict[str, str]) -> dict[str, str]:
    if values.get("oci:privateKey"):
        return {"key_content": values["oci:privateKey"]}
    return {"key_file": values.get("oci:privateKeyPath", "")}


def _opening(rule: Any) -> TemporaryRule | None:
    found = _DESCRIPTION.fullmatch(rule.description or "")
    if not found:
        return None
    try:
        until = datetime.fromisoformat(found[2])
    except ValueError:
        return None
    return TemporaryRule(id=rule.id, source=rule.source, run=found[1], until=until)


def _get(url: str) -> str:
    return httpx.get(url, timeout=10).raise_for_status().text
