"""Container Engine: clusters that are a real Kubernetes, on machines of this cloud."""

from localcloud.service import Service

SERVICE = Service(
    title="Container Engine",
    version="20180222",
    clients=("oci_containerengine.ContainerEngineClient",),
)
