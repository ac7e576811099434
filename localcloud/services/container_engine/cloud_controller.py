"""The cloud controller of the clusters, in the role of Oracle's: Services have load balancers.

It looks at each cluster each second, and remembers nothing: a load balancer has its Service's UID
as its name. Source: https://github.com/oracle/oci-cloud-controller-manager
"""

import base64
import logging
import time
from collections.abc import Sequence
from typing import Any

from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.machines.docker import DockerError
from localcloud.services.container_engine import api_server, balancer_plan, node
from localcloud.services.container_engine import cluster as clusters
from localcloud.services.container_engine.api_server import ApiServer, ApiServerError, Object
from localcloud.services.container_engine.balancer_plan import BalancerPlan, PlanError
from localcloud.services.container_engine.cluster import Cluster
from localcloud.services.core.public_ip import PublicIp
from localcloud.services.load_balancer import load_balancer
from localcloud.services.load_balancer.load_balancer import (
    CreateLoadBalancerDetails,
    LoadBalancer,
    ReservedIP,
)
from localcloud.services.load_balancer.parts import CertificateDetails

log = logging.getLogger(__name__)

SECONDS = 1
_FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
_NAME = "service-controller"
_LEAVE_SECONDS = 30
_DRAINING_SECONDS = 10


def keep(cloud: Cloud) -> None:
    """Bring the load balancers of all clusters closer to what their Services ask for."""
    for cluster in cloud.store.find(Cluster, lifecycle_state="ACTIVE"):
        try:
            _keep(cloud, cluster, api_server.of(cloud, cluster))
        except ApiServerError as error:
            log.warning("Cluster %s: %s", cluster.id, error)


def leave(cloud: Cloud, cluster_id: str, name: str) -> None:
    """Take a node out of the load balancers, and let the requests end that are under way to it."""
    if _is_gone(cloud, name):
        return
    label = f"{balancer_plan.EXCLUDED}=true"
    deadline = time.monotonic() + _LEAVE_SECONDS
    try:
        clusters.kubectl(cloud, cluster_id, "label", "node", name, label, "--overwrite")
        while not _is_gone(cloud, name) and time.monotonic() < deadline:
            time.sleep(0.2)
    except DockerError as error:
        log.warning("Node %s stays in the load balancers: %s", name, error)
    else:
        time.sleep(_DRAINING_SECONDS)


def _is_gone(cloud: Cloud, name: str) -> bool:
    """Return whether no load balancer leads to the node, whose name is its private address."""
    balancers = [
        each
        for each in cloud.store.find(LoadBalancer)
        if each.lifecycle_state in {"ACTIVE", "UPDATING"}
    ]
    addresses = {
        backend.ip_address
        for balancer in balancers
        for backend_set in balancer.backend_sets.values()
        for backend in backend_set.backends
    }
    is_settled = all(each.lifecycle_state == "ACTIVE" for each in balancers)
    return name not in addresses and is_settled


def _keep(cloud: Cloud, cluster: Cluster, server: ApiServer) -> None:
    # from the API server's cache
    nodes = server.items("/api/v1/nodes?resourceVersion=0")
    _forget_lost_nodes(cloud, cluster, server, nodes)
    for service in server.items("/api/v1/services?resourceVersion=0"):
        finalizers = service["metadata"].get("finalizers") or []
        is_wanted = service["spec"]["type"] == "LoadBalancer" and not service["spec"].get(
            "loadBalancerClass"
        )
        try:
            if is_wanted and "deletionTimestamp" not in service["metadata"]:
                _ensure(cloud, cluster, server, service, nodes)
            elif _FINALIZER in finalizers:
                _clean_up(cloud, server, service)
        except (PlanError, errors.ApiError) as error:
            _tell(server, service, "Warning", "SyncLoadBalancerFailed", str(error))


def _forget_lost_nodes(
    cloud: Cloud, cluster: Cluster, server: ApiServer, nodes: Sequence[Object]
) -> None:
    """Delete the nodes whose instance is over, as it was terminated by itself.

    Another instance may have its address by now, which is a node's name.
    """
    machines = clusters.machines(cloud, cluster_id=cluster.id)
    alive = {name for each in machines for name in (each.id, node.name_of(cloud, each))}
    for each in nodes:
        if node.provider_id(each) not in alive:
            name = each["metadata"]["name"]
            log.info("Node %s of cluster %s has no instance any more", name, cluster.id)
            server.delete(f"/api/v1/nodes/{name}")


def _of(cloud: Cloud, service: Object) -> LoadBalancer | None:
    named = cloud.store.find(LoadBalancer, display_name=service["metadata"]["uid"])
    return next((each for each in named if each.lifecycle_state != "DELETED"), None)


def _ensure(
    cloud: Cloud, cluster: Cluster, server: ApiServer, service: Object, nodes: Sequence[Object]
) -> None:
    """Make the load balancer, or change it, or show its address: a step each time."""
    subnets = cluster.options.service_lb_subnet_ids
    plan = balancer_plan.plan(service, nodes, subnets[0] if subnets else None)
    certificate = _certificate(server, plan)
    metadata = service["metadata"]
    if _FINALIZER not in (metadata.get("finalizers") or []):
        finalizers = [*(metadata.get("finalizers") or []), _FINALIZER]
        server.merge(_path(service), {"metadata": {"finalizers": finalizers}})
    balancer = _of(cloud, service)
    if balancer is None:
        _tell(server, service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        with cloud.store.transaction():
            _create(cloud, cluster, service, plan, certificate)
        cloud.begin_work()
    elif balancer.lifecycle_state == "FAILED":
        raise PlanError(f"The load balancer {balancer.id} failed: {balancer.failure}")
    elif balancer.lifecycle_state == "ACTIVE":
        wanted = _wanted(balancer, plan, certificate)
        if wanted != balancer:
            with cloud.store.transaction():
                load_balancer.change(cloud, balancer.id, lambda _: wanted)
            cloud.begin_work()
        else:
            _show(server, service, balancer)


def _create(
    cloud: Cloud,
    cluster: Cluster,
    service: Object,
    plan: BalancerPlan,
    certificate: CertificateDetails | None,
) -> None:
    reserved = []
    if plan.reserved_ip:
        addresses = cloud.store.find(PublicIp, ip_address=plan.reserved_ip, lifetime="RESERVED")
        if not addresses:
            raise PlanError(f"loadBalancerIP {plan.reserved_ip} is no reserved public IP.")
        reserved = [ReservedIP(id=addresses[0].id)]
    balancer = load_balancer.create(
        cloud,
        CreateLoadBalancerDetails(
            compartment_id=cluster.compartment_id,
            display_name=service["metadata"]["uid"],
            freeform_tags=plan.tags,
            shape_name="flexible",
            shape_details=plan.shape,
            subnet_ids=[plan.subnet_id],
            is_private=plan.is_private,
            reserved_ips=reserved,
            network_security_group_ids=plan.nsg_ids,
        ),
    )
    cloud.store.put(_wanted(balancer, plan, certificate))


def _wanted(
    balancer: LoadBalancer, plan: BalancerPlan, certificate: CertificateDetails | None
) -> LoadBalancer:
    """Return the load balancer with the parts of the plan; what else it has stays."""
    name = certificate.certificate_name if certificate else None
    if certificate and name not in balancer.certificates:
        balancer = load_balancer.with_certificate(balancer, certificate)
    return balancer.changed(
        shape_details=plan.shape,
        network_security_group_ids=plan.nsg_ids,
        backend_sets=plan.backend_sets,
        listeners=plan.listeners,
        # a certificate that no listener has is over
        certificates={key: each for key, each in balancer.certificates.items() if key == name},
        private_keys={key: each for key, each in balancer.private_keys.items() if key == name},
    )


def _certificate(server: ApiServer, plan: BalancerPlan) -> CertificateDetails | None:
    """Return the certificate of the plan's secret; raises PlanError for another kind of secret."""
    if plan.secret is None:
        return None
    namespace, name = plan.secret
    secret = server.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    data = (secret or {}).get("data") or {}
    if not {"tls.crt", "tls.key"} <= set(data):
        raise PlanError(f"There is no secret {namespace}/{name} with tls.crt and tls.key.")
    text = {key: base64.b64decode(value).decode() for key, value in data.items()}
    return CertificateDetails(
        certificate_name=name,
        public_certificate=text["tls.crt"],
        private_key=text["tls.key"],
        ca_certificate=text.get("ca.crt"),
        passphrase=text.get("passphrase"),
    )


def _show(server: ApiServer, service: Object, balancer: LoadBalancer) -> None:
    """Write the address into the Service's status, once it is there."""
    shown = [{"ip": each.ip_address, "ipMode": "VIP"} for each in balancer.ip_addresses]
    if (service.get("status", {}).get("loadBalancer") or {}).get("ingress") != shown:
        server.merge(f"{_path(service)}/status", {"status": {"loadBalancer": {"ingress": shown}}})
        _tell(server, service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")


def _clean_up(cloud: Cloud, server: ApiServer, service: Object) -> None:
    """Delete the load balancer, then let the Service go."""
    balancer = _of(cloud, service)
    if balancer is None:
        kept = [each for each in service["metadata"]["finalizers"] if each != _FINALIZER]
        if "deletionTimestamp" not in service["metadata"]:
            server.merge(f"{_path(service)}/status", {"status": {"loadBalancer": None}})
        server.merge(_path(service), {"metadata": {"finalizers": kept}})
    elif balancer.lifecycle_state in {"ACTIVE", "FAILED"}:
        _tell(server, service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
        with cloud.store.transaction():
            load_balancer.delete(cloud, balancer.id)
        cloud.begin_work()


def _path(service: Object) -> str:
    metadata = service["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/services/{metadata['name']}"


def _tell(server: ApiServer, service: Object, kind: str, reason: str, message: str) -> None:
    """Write an event about a Service, unless it has that one already."""
    metadata = service["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/events"
    about = server.items(f"{path}?fieldSelector=involvedObject.uid={metadata['uid']}")
    if message in {event["message"] for event in about if event["reason"] == reason}:
        return
    now = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}Z"
    event: dict[str, Any] = {
        "metadata": {"generateName": f"{metadata['name']}."},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Service",
            **{key: metadata[key] for key in ("namespace", "name", "uid")},
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": _NAME},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    server.create(path, event)
