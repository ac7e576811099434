"""Core Services: network, compute and block volumes. Each type of resource has its module."""

from localcloud.service import Service

SERVICE = Service(
    title="Core Services",
    version="20160918",
    clients=(
        "oci_core.BlockstorageClient",
        "oci_core.ComputeClient",
        "oci_core.VirtualNetworkClient",
    ),
)
