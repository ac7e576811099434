"""The content of a security rule, for security lists and network security groups alike."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.machines import firewall
from localcloud.machines.firewall import IngressRule
from localcloud.services.core import cidr

_PROTOCOLS: Mapping[str, Literal["icmp", "tcp", "udp", "all"]] = {
    "1": "icmp",
    "6": "tcp",
    "17": "udp",
    "all": "all",
}
_PROTOCOL_NUMBERS = range(256)
_ICMP_ECHO = 8


class PortRange(Details):
    """A range of ports, both ends included."""

    min: int = Field(ge=1, le=65535)
    max: int = Field(ge=1, le=65535)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"port range {self.min}-{self.max} has min above max")
        return self


class PortOptions(Details):
    """The ports of a TCP or UDP rule; absent: every port."""

    destination_port_range: PortRange | None = None
    source_port_range: PortRange | None = None


class IcmpOptions(Details):
    """The type and code of an ICMP rule."""

    type: int = Field(ge=0, le=254)
    code: int | None = Field(default=None, ge=-1, le=254)


class TrafficRule(Details):
    """The part that all kinds of rules share."""

    protocol: str
    description: str | None = Field(default=None, max_length=255)
    is_stateless: bool = False
    tcp_options: PortOptions | None = None
    udp_options: PortOptions | None = None
    icmp_options: IcmpOptions | None = None

    def check_traffic(self) -> None:
        """Raise 400 for a rule that Oracle Cloud refuses, or that is not enforced here."""
        if self.protocol not in _PROTOCOLS:
            if self.protocol.isdecimal() and int(self.protocol) in _PROTOCOL_NUMBERS:
                raise errors.not_implemented(
                    f"security rules for IP protocol {self.protocol} (only {', '.join(_PROTOCOLS)})"
                )
            raise errors.invalid_parameter(
                f"Protocol '{self.protocol}' is neither 'all' nor an IP protocol number such as "
                "'6' for TCP."
            )
        for field, options, protocol in (
            ("tcpOptions", self.tcp_options, "6"),
            ("udpOptions", self.udp_options, "17"),
            ("icmpOptions", self.icmp_options, "1"),
        ):
            if options is not None and self.protocol != protocol:
                raise errors.invalid_parameter(
                    f"{field} needs protocol '{protocol}', but the rule's is '{self.protocol}'."
                )
        if self.is_stateless:
            raise errors.not_implemented("stateless security rules")
        if (self.tcp_options or self.udp_options or PortOptions()).source_port_range:
            raise errors.not_implemented("source port ranges of security rules")

    def check_ingress(self, source: str) -> None:
        """Raise 400 for an ingress rule that the gateway could not enforce."""
        rule = self.ingress_from(source)
        try:
            firewall.tcp_ports([rule] if rule else [])
        except firewall.FirewallError as error:
            raise errors.not_enforceable(str(error)) from error

    def ingress_from(self, source: str) -> IngressRule | None:
        """Return the rule for the machine's packet filter; None for a rule without effect there.

        A filter that lets answers through lets ICMP errors through as well; of the ICMP types that
        a rule may name, only echo requests are left to admit.
        """
        if self.icmp_options is not None and self.icmp_options.type != _ICMP_ECHO:
            return None
        options = self.tcp_options or self.udp_options
        ports = options.destination_port_range if options else None
        return IngressRule(
            protocol=_PROTOCOLS[self.protocol],
            source=source,
            ports=(ports.min, ports.max) if ports else None,
        )


def check_peer(field: str, peer: str | None, peer_type: str) -> str:
    """Return a rule's source or destination, if it is an address block."""
    if peer is None:
        raise errors.missing_parameter([field])
    if peer_type != "CIDR_BLOCK":
        raise errors.not_implemented(f"security rules whose {field}Type is {peer_type}")
    cidr.parse(peer)
    return peer


PeerType = Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK", "NETWORK_SECURITY_GROUP"]
