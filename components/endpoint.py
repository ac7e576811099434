"""How the outside reaches the service: what the proxy answers to, and the URLs."""

import pulumi


def site(domain: str) -> str:
    """Name the reverse proxy's site: a DNS name turns on HTTPS, none serves plain HTTP."""
    return domain or ":80"


def base_url(domain: str, public_ip: pulumi.Output[str]) -> pulumi.Output[str]:
    """Give the service's URL, without a trailing slash: also the issuer of its tokens."""
    return pulumi.Output.format("https://{0}" if domain else "http://{1}", domain, public_ip)
