"""The rules of security lists and groups, as packet filter and gateway enforce them."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

# The gateway opens a socket for each port, so a rule for all of them can't be served.
MAX_PORTS = 100
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))  # RFC 1918


class FirewallError(Exception):
    """The rules can't be enforced here; the text names the rule and the way out."""


@dataclass(frozen=True, kw_only=True)
class IngressRule:
    """An ingress rule. `ports` is a range with both its ends; without it, every port is open."""

    protocol: Literal["tcp", "udp", "icmp", "all"]
    source: str
    ports: tuple[int, int] | None


def packet_filter(rules: Iterable[IngressRule], *, host: IPv4Address | None = None) -> str:
    """Return the rules for `iptables-restore --noflush`: a chain that is replaced at once.

    Stateful, as Oracle's rules are by default; packets without a rule are dropped. Packets from
    `host` come from the gateway, which has checked the sender against `source` already; without
    it the gateway leads nowhere here. The mangle table comes before every table that the guest and
    its Docker engine use.
    """
    lines = ["*mangle", ":LOCALCLOUD - [0:0]"]
    lines.append("-A LOCALCLOUD -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN")
    for rule in rules:
        sources = [rule.source]
        if host is not None and rule.protocol in {"tcp", "all"}:
            sources.append(f"{host}/32")
        for source in sources:
            words = ["-A LOCALCLOUD", f"-s {source}"]
            if rule.protocol != "all":
                words.append(f"-p {rule.protocol}")
            if rule.ports is not None and rule.protocol in {"tcp", "udp"}:
                words.append(f"--dport {rule.ports[0]}:{rule.ports[1]}")
            lines.append(" ".join([*words, "-j RETURN"]))
    return "\n".join([*lines, "-A LOCALCLOUD -j DROP", "COMMIT", ""])


def tcp_ports(rules: Iterable[IngressRule]) -> dict[int, list[str]]:
    """Return the IPv4 blocks by open TCP port; raises FirewallError for a rule with too many.

    A rule for the private addresses of a network may open all of them.
    """
    opened: dict[int, list[str]] = {}
    for rule in rules:
        if rule.protocol not in {"tcp", "all"}:
            continue
        first, last = rule.ports or (1, 65535)
        if last - first >= MAX_PORTS and _is_private(rule.source):
            continue  # a rule between machines, whose packets don't pass the gateway
        if last - first >= MAX_PORTS:
            raise FirewallError(
                f"A rule opens TCP ports {first} to {last} to {rule.source}; the emulated gateway "
                f"serves at most {MAX_PORTS} a rule. Name the ports that are used."
            )
        for port in range(first, last + 1):
            if rule.source not in opened.setdefault(port, []):
                opened[port].append(rule.source)
    return opened


def _is_private(source: str) -> bool:
    return any(IPv4Network(source).subnet_of(block) for block in _PRIVATE)
