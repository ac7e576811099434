"""The Authentication Service and another service on a VM, each with an image of its own.

The configuration is that of the product, and of this example:

    two-services:notes      address of the other service: a DNS name for HTTPS, or http://NAME
    two-services:title      a variable of the other service
    two-services:writerKey  a secret of the other service
"""

import dataclasses
import sys
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import components.no_collection
import components.resources_on_demand  # noqa: F401 - both for their effect on the imports below
import settings as configuration
from components.database import on, provided
from components.image import Bases, Image, ImageArgs
from components.network import Network, NetworkArgs, ingress_rules
from components.release import Release, ReleaseArgs
from components.server import Server, ServerArgs

settings = configuration.load()
own = pulumi.Config()

network = Network(
    "auth",
    NetworkArgs(
        compartment_id=settings.compartment_id,
        vcn_cidr=settings.vcn_cidr,
        subnet_cidr=settings.subnet_cidr,
        ingress=ingress_rules(ssh=settings.allowed_ssh_cidrs, http=settings.allowed_http_cidrs),
    ),
)
server = Server(
    "auth",
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
        operators=settings.operators,
        protect=settings.protect,
    ),
)

database = provided(
    "auth",
    settings.database,
    compartment_id=settings.compartment_id,
    network=network,
    clients=on(server),
)
url = settings.endpoint.base_url(server.public_ip)
image = Image(
    "auth",
    ImageArgs(
        registry=settings.registry,
        platform=settings.machine.platform,
        bases=settings.bases,
        promoted=settings.promoted,
        context="../../service",
    ),
)
release = Release(
    "auth",
    ReleaseArgs(
        server=server,
        image=image.digest,
        revision=image.revision,
        registry=settings.registry,
        port=8000,
        site=settings.endpoint.site(server.public_ip),
        tls=settings.endpoint.tls(server.public_ip),
        environment={
            "AUTH_ISSUER": url,
            "AUTH_ENVIRONMENT": settings.environment,
            **settings.service_settings,
        },
        secrets={
            "AUTH_SIGNING_KEY": settings.signing_key,
            **database.secrets,
            **settings.service_secrets,
        },
        uid=10001,
    ),
)

# the other service: a folder, a repository, a port, a name, variables, secrets and a user
registry = dataclasses.replace(
    settings.registry, repository=f"{settings.registry.repository}-notes"
)
notes_image = Image(
    "notes",
    ImageArgs(
        registry=registry,
        platform=settings.machine.platform,
        bases=Bases(runtime=settings.bases.runtime),
        context="notes",
    ),
)
notes = Release(
    "notes",
    ReleaseArgs(
        server=server,
        image=notes_image.digest,
        revision=notes_image.revision,
        registry=registry,
        port=8080,
        site=own.require("notes"),
        tls=settings.endpoint.tls(server.public_ip),
        environment={"NOTES_TITLE": own.get("title") or "Notes"},
        secrets={"NOTES_WRITER_KEY": own.require_secret("writerKey")},
        uid=10002,
    ),
)

pulumi.export("releases", {"auth": release.number, "notes": notes.number})
pulumi.export("serverIp", server.public_ip)
pulumi.export("url", url)
