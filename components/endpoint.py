"""The service's public endpoint: the proxy's site, its certificates, and the URL."""

from dataclasses import dataclass

import pulumi

from host.auth_release.desired import Tls

# Let's Encrypt gives certificates for IP addresses by this profile alone, for six days:
# https://letsencrypt.org/docs/profiles/
_PROFILE_OF_ADDRESSES = "shortlived"
_HTTPS_PORT, _HTTP_PORT = 443, 80


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """HTTPS at a domain, or at the VM's address without one; plain HTTP only if it is allowed.

    `directory` and `roots` name an ACME CA in Let's Encrypt's place: host/auth_release/desired.py.
    """

    domain: str = ""
    allow_plain_http: bool = False
    directory: str = ""
    roots: str = ""

    @property
    def is_https(self) -> bool:
        return bool(self.domain) or not self.allow_plain_http

    @property
    def protocol(self) -> str:
        return "HTTPS" if self.is_https else "HTTP"

    @property
    def port(self) -> int:
        return _HTTPS_PORT if self.is_https else _HTTP_PORT

    def host(self, public_ip: pulumi.Output[str]) -> pulumi.Input[str]:
        return self.domain or public_ip

    def site(self, public_ip: pulumi.Output[str]) -> pulumi.Input[str]:
        """Return the addresses that the proxy serves, as Caddy writes them."""
        if self.domain:
            return self.domain
        return pulumi.Output.format("https://{0}", public_ip) if self.is_https else ":80"

    def tls(self, public_ip: pulumi.Output[str]) -> pulumi.Output[Tls] | None:
        """Return the way to the site's certificates."""
        return public_ip.apply(self._tls) if self.is_https else None

    def base_url(self, public_ip: pulumi.Output[str]) -> pulumi.Output[str]:
        """Return the service's URL without a trailing slash; it is also its tokens' issuer."""
        return pulumi.Output.format("{0}://{1}", self.protocol.lower(), self.host(public_ip))

    def _tls(self, address: str) -> Tls:
        return Tls(
            address=address,
            directory=self.directory,
            roots=self.roots,
            profile="" if self.domain else _PROFILE_OF_ADDRESSES,
        )
