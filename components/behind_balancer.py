"""The service's own variables on a cluster: replicas behind a load balancer that ends TLS."""

from components.cluster_plan import ClusterPlan

# in which a load balancer moves the connections that it keeps open to other containers
DRAIN_SECONDS = 5
# docs/service-operations.md: open requests, then mails, and some reserve
END_SECONDS = DRAIN_SECONDS + 20


def variables(plan: ClusterPlan, *, domain: str, balancer_subnet_cidr: str) -> dict[str, str]:
    """Return the variables of each container of the service.

    With a domain, plain HTTP serves a CA's challenges, and leads everything else to https: also
    before there is a certificate, so that no password travels in the clear.
    """
    chosen = {
        "AUTH_MIGRATE_AT_START": "false",
        "AUTH_TRUSTED_PROXIES": balancer_subnet_cidr,
        "AUTH_DRAIN_SECONDS": str(DRAIN_SECONDS),
    }
    if domain:
        chosen["AUTH_HTTPS_ONLY"] = "true"
    if plan.acme_thumbprint:
        chosen["AUTH_ACME_THUMBPRINT"] = plan.acme_thumbprint
    return chosen
