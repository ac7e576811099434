"""The service's public endpoint: the proxy's site, and the URL."""

import pulumi


def site(domain: str) -> str:
    """Return the proxy's site: a domain is served by HTTPS; an empty domain by plain HTTP."""
    return domain or ":80"


def base_url(domain: str, public_ip: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return the service's URL without a trailing slash; it is also the issuer of its tokens."""
    return pulumi.Output.format("https://{0}" if domain else "http://{1}", domain, public_ip)
