"""Load Balancing: HAProxy in a subnet, as Oracle's flexible load balancers.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/loadbalancer/20170115/
"""

from localcloud.service import Service

SERVICE = Service(
    title="Load Balancing",
    version="20170115",
    clients=("oci_load_balancer.LoadBalancerClient",),
)
