"""The add-ons of a cluster: the Metrics Server, which runs on the control plane.

Source of the objects: the manifest of https://github.com/kubernetes-sigs/metrics-server
"""

from ipaddress import IPv4Address
from typing import Any

_PORT = 4443
_NAME, _NAMESPACE = "metrics-server", "kube-system"
METRICS_PATH = "/apis/metrics.k8s.io/v1beta1"


def objects(endpoint: IPv4Address) -> dict[str, Any]:
    """Return the objects that lead requests about metrics to a control plane at `endpoint`."""
    metadata = {"name": _NAME, "namespace": _NAMESPACE}
    port = {"name": "https", "protocol": "TCP"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        # no selector: the slice below is its only endpoint
        "spec": {"ports": [{**port, "port": 443, "targetPort": _PORT}]},
    }
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": _NAME}},
        "addressType": "IPv4",
        "ports": [{**port, "port": _PORT}],
        "endpoints": [{"addresses": [str(endpoint)], "conditions": {"ready": True}}],
    }
    group, version = METRICS_PATH.split("/")[2:]
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "service": {"name": _NAME, "namespace": _NAMESPACE},
            "insecureSkipTLSVerify": True,  # as in its own manifest
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
    return {"apiVersion": "v1", "kind": "List", "items": [service, slice_, api]}
