"""The entrance of a cluster: Oracle's load balancer, which a Service of Kubernetes asks for.

Oracle's cloud controller makes it from the Service's annotations:
https://github.com/oracle/oci-cloud-controller-manager/blob/master/docs/load-balancer-annotations.md
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.cluster_plan import Certificate

_HTTP, _HTTPS = 80, 443
_MEGABITS = "10"  # a second: a bandwidth that costs nothing
_ORACLE = "service.beta.kubernetes.io/oci-load-balancer"


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """The load balancer's place in the VCN, its reserved public address, and its certificate."""

    subnet_id: pulumi.Input[str]
    nsg_id: pulumi.Input[str]
    address: pulumi.Input[str]
    certificate: Certificate | None = None  # None: plain HTTP


def annotations(*, subnet_id: str, nsg_id: str, tls_secret: str) -> dict[str, str]:
    """Return the annotations of a Service for a load balancer; `tls_secret` is empty without TLS.

    A backend that answers no health check twice gets no more requests.
    """
    base = {
        "oci.oraclecloud.com/load-balancer-type": "lb",
        "oci.oraclecloud.com/oci-network-security-groups": nsg_id,
        # the program has the rules of both sides in its own NSGs
        "oci.oraclecloud.com/security-rule-management-mode": "None",
        f"{_ORACLE}-subnet1": subnet_id,
        f"{_ORACLE}-shape": "flexible",
        f"{_ORACLE}-shape-flex-min": _MEGABITS,
        f"{_ORACLE}-shape-flex-max": _MEGABITS,
        f"{_ORACLE}-backend-protocol": "HTTP",
        f"{_ORACLE}-health-check-interval": "1000",  # milliseconds
        f"{_ORACLE}-health-check-timeout": "1000",
        f"{_ORACLE}-health-check-retries": "2",
    }
    if not tls_secret:
        return base
    return {
        **base,
        f"{_ORACLE}-ssl-ports": str(_HTTPS),
        f"{_ORACLE}-tls-secret": tls_secret,
    }


def service(
    selector: dict[str, str], port: int, *, address: pulumi.Input[str], is_https: bool
) -> dict[str, Any]:
    """Return the spec of the Service for a load balancer at a reserved address.

    A node passes requests to its own pods alone, so that the balancer leaves out a node without a
    ready pod, and a pod that ends on a node is not asked over another.
    """
    names = {"http": _HTTP, **({"https": _HTTPS} if is_https else {})}
    return {
        "type": "LoadBalancer",
        "loadBalancerIP": address,
        "selector": selector,
        "externalTrafficPolicy": "Local",
        "ports": [
            {"name": name, "port": outer, "targetPort": port, "protocol": "TCP"}
            for name, outer in names.items()
        ],
    }
