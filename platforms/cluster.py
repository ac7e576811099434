"""The cluster: Kubernetes runs containers of the service on several VMs, behind a load balancer."""

from typing import Any

import pulumi

from components import behind_balancer, role_job
from components.alarms import Alarms, AlarmsArgs
from components.cluster import Cluster, ClusterArgs
from components.cluster_network import ClusterNetwork, ClusterNetworkArgs
from components.database import provided
from components.entrance import Entrance
from components.image import Image
from components.network import Network
from components.workload import Workload, WorkloadArgs
from settings import Settings

_UID = 10001


def provide(settings: Settings, image: Image, network: Network) -> dict[str, pulumi.Input[Any]]:
    """Make the cluster, and release the image there; return the outputs, the most wanted last."""
    plan = settings.cluster
    if plan is None:
        raise ValueError("the settings have no plan of a cluster")
    place = ClusterNetwork(
        "auth",
        ClusterNetworkArgs(
            compartment_id=settings.compartment_id,
            network=network,
            endpoint_subnet_cidr=plan.endpoint_subnet_cidr,
            node_subnet_cidr=plan.node_subnet_cidr,
            balancer_subnet_cidr=settings.subnet_cidr,
            operators=settings.allowed_ssh_cidrs,
            protect=settings.protect,
        ),
    )
    cluster = Cluster(
        "auth",
        ClusterArgs(
            tenancy_id=settings.tenancy_id,
            compartment_id=settings.compartment_id,
            region=settings.region,
            vcn_id=network.vcn_id,
            network=place,
            plan=plan,
            machine=settings.machine,
            protect=settings.protect,
        ),
    )
    database = provided(
        "auth",
        settings.database,
        compartment_id=settings.compartment_id,
        network=network,
        clients=role_job.on_nodes(
            plan.node_subnet_cidr,
            name="auth-database",
            cluster_id=cluster.cluster_id,
            kubeconfig=cluster.kubeconfig,
            image=image.digest,
            registry=settings.registry,
            uid=_UID,
        ),
    )
    url = settings.endpoint.base_url(place.address)
    workload = Workload(
        "auth",
        WorkloadArgs(
            cluster_id=cluster.cluster_id,
            kubeconfig=cluster.kubeconfig,
            image=image.digest,
            revision=image.revision,
            registry=settings.registry,
            port=8000,
            environment={
                "AUTH_ISSUER": url,
                "AUTH_ENVIRONMENT": settings.environment,
                **behind_balancer.variables(
                    plan,
                    domain=settings.endpoint.domain,
                    balancer_subnet_cidr=settings.subnet_cidr,
                ),
                **settings.service_settings,
            },
            secrets={
                "AUTH_SIGNING_KEY": settings.signing_key,
                **database.secrets,
                **settings.service_secrets,
            },
            uid=_UID,
            replicas=plan.replicas,
            migration=("python", "-m", "auth", "migrate"),
            entrance=Entrance(
                subnet_id=network.subnet_id,
                nsg_id=network.nsg_id,
                address=place.address,
                certificate=plan.certificate,
            ),
            clients=(settings.subnet_cidr, plan.node_subnet_cidr),
            mark_key=settings.login_key.private,
            limits=settings.machine.limits,
            end_seconds=behind_balancer.END_SECONDS,
        ),
    )
    Alarms(
        "auth",
        AlarmsArgs(
            address=place.address,
            after=workload.service,
            compartment_id=settings.compartment_id,
            emails=settings.alert_emails,
            endpoint=settings.endpoint,
            path="/readyz",
            has_metrics=False,
            is_enabled=True,
        ),
    )
    return {
        "release": workload.number,
        "image": image.digest,
        "database": database.title,
        "kubeconfig": cluster.kubeconfig,
        "jwksUrl": pulumi.Output.concat(url, "/.well-known/jwks.json"),
        "healthUrl": pulumi.Output.concat(url, "/healthz"),
        "url": url,
    }
