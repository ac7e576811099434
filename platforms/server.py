"""The server: a VM of its own runs the service's container, behind a proxy."""

from typing import Any

import pulumi

from components.alarms import Alarms, AlarmsArgs
from components.backup import Backup, BackupArgs, history_source
from components.database import on, provided
from components.image import Image
from components.metrics import Metrics, MetricsArgs
from components.network import Network
from components.release import Release, ReleaseArgs
from components.server import Server, ServerArgs
from settings import Settings


def provide(settings: Settings, image: Image, network: Network) -> dict[str, pulumi.Input[Any]]:
    """Make the server, and release the image there; return the outputs, the most wanted last."""
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
            reboot_window=settings.reboot_window,
            history=history_source(settings.backup_bucket, ["auth"]),
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
            limits=settings.machine.limits,
            canary=settings.canary,
            maintenance=settings.maintenance,
        ),
    )
    Backup(
        "auth",
        BackupArgs(
            server=server,
            release=release,
            service="auth",
            database="auth.sqlite",
            counted=("accounts",),
            uid=10001,
            bucket=settings.copies_bucket,
        ),
    )
    Metrics(
        "auth",
        MetricsArgs(
            server=server,
            release=release,
            compartment_id=settings.compartment_id,
            key=settings.metrics_key,
            store=settings.metrics_store,
            log=settings.log,
        ),
    )
    Alarms(
        "auth",
        AlarmsArgs(
            address=server.public_ip,
            after=release,
            compartment_id=settings.compartment_id,
            emails=settings.alert_emails,
            endpoint=settings.endpoint,
            path="/readyz",
            has_metrics=bool(settings.metrics_key.user),
            is_enabled=settings.maintenance is None,
        ),
    )
    return {
        "release": release.number,
        "image": image.digest,
        "database": database.title,
        "serverIp": server.public_ip,
        "sshCommand": server.ssh_command,
        "jwksUrl": pulumi.Output.concat(url, "/.well-known/jwks.json"),
        "healthUrl": pulumi.Output.concat(url, "/healthz"),
        "url": url,
    }
