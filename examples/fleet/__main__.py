"""Several services on each of several VMs, released a VM at a time.

The configuration is that of the product, and of this example:

    fleet:servers       number of VMs, 2 by default
    fleet:services      number of services on each, 2 by default
    fleet:environment   JSON, from a service's name to its own variables: a change makes a new
                        release of this service alone
"""

import sys
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import components.no_collection
import components.resources_on_demand  # noqa: F401 - both for their effect on the imports below
import settings as configuration
from components.image import Image, ImageArgs
from components.network import Network, NetworkArgs, ingress_rules
from components.release import Release, ReleaseArgs
from components.rollout import roll_out
from components.server import Server, ServerArgs

settings = configuration.load()
if settings.database.is_postgresql:
    raise pulumi.RunError(
        "auth:database is postgresql, and each service of this example has accounts of its own: "
        "one database can't hold them. Keep them in SQLite: pulumi config rm auth:database"
    )
fleet = pulumi.Config("fleet")
SERVERS = [f"vm-{number}" for number in range(fleet.get_int("servers") or 2)]
SERVICES = [f"auth-{number}" for number in range(fleet.get_int("services") or 2)]
variables = fleet.get_object("environment") or {}

network = Network(
    "fleet",
    NetworkArgs(
        compartment_id=settings.compartment_id,
        vcn_cidr=settings.vcn_cidr,
        subnet_cidr=settings.subnet_cidr,
        ingress=ingress_rules(ssh=settings.allowed_ssh_cidrs, http=settings.allowed_http_cidrs),
    ),
)
servers = {
    name: Server(
        name,
        ServerArgs(
            tenancy_id=settings.tenancy_id,
            compartment_id=settings.compartment_id,
            availability_domain_index=settings.availability_domain_index,
            fault_domain=settings.fault_domain,
            subnet_id=network.subnet_id,
            nsg_id=network.nsg_id,
            after=network.ready,
            machine=settings.machine,
            login_key=settings.login_key,
            host_key=settings.host_key,
            protect=settings.protect,
        ),
    )
    for name in SERVERS
}
image = Image(
    "fleet",
    ImageArgs(
        registry=settings.registry,
        platform=settings.machine.platform,
        bases=settings.bases,
        promoted=settings.promoted,
        context="../../service",
    ),
)


def releases(server: Server, options: pulumi.ResourceOptions) -> list[Release]:
    """Release every service on a server; the proxy selects a service by the host name."""
    (vm,) = (name for name, other in servers.items() if other is server)
    return [
        Release(
            f"{service}-on-{vm}",
            ReleaseArgs(
                server=server,
                service=service,
                image=image.digest,
                revision=image.revision,
                registry=settings.registry,
                port=8000,
                site=f"http://{service}.example.test",
                environment={
                    "AUTH_ISSUER": f"http://{service}.example.test",
                    "AUTH_ENVIRONMENT": settings.environment,
                    **variables.get(service, {}),
                },
                secrets={"AUTH_SIGNING_KEY": settings.signing_key},
                uid=10001,
            ),
            options,
        )
        for service in SERVICES
    ]


roll_out(list(servers.values()), releases)
pulumi.export("addresses", {name: server.public_ip for name, server in servers.items()})
