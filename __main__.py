"""The Authentication Service on its own Oracle Cloud VM: settings in, components, URLs out."""

import pulumi

import components.no_collection
import components.resources_on_demand  # noqa: F401 - both for their effect on the imports below
import settings as configuration
from components import interruption
from components.alarms import Alarms, AlarmsArgs
from components.backup import Backup, BackupArgs, history_source
from components.budget import Budget, BudgetArgs
from components.database import provided
from components.image import Image, ImageArgs
from components.metrics import Metrics, MetricsArgs
from components.network import Network, NetworkArgs, ingress_rules
from components.release import Release, ReleaseArgs
from components.server import Server, ServerArgs

interruption.end_quietly()
settings = configuration.load()

image = Image(
    "auth",
    ImageArgs(
        registry=settings.registry,
        platform=settings.machine.platform,
        bases=settings.bases,
        promoted=settings.promoted,
    ),
)
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
        reboot_window=settings.reboot_window,
        history=history_source(settings.backup_bucket, ["auth"]),
    ),
)
database = provided(
    "auth",
    settings.database,
    compartment_id=settings.compartment_id,
    network=network,
    server=server,
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
        server=server,
        release=release,
        compartment_id=settings.compartment_id,
        emails=settings.alert_emails,
        endpoint=settings.endpoint,
        path="/readyz",
        has_metrics=bool(settings.metrics_key.user),
        is_enabled=settings.maintenance is None,
    ),
)

Budget(
    "auth",
    BudgetArgs(
        tenancy_id=settings.tenancy_id,
        compartment_id=settings.compartment_id,
        amount=settings.monthly_budget,
        emails=settings.alert_emails,
    ),
)

pulumi.export("release", release.number)
pulumi.export("image", image.digest)
pulumi.export("database", database.title)
pulumi.export("serverIp", server.public_ip)
pulumi.export("sshCommand", server.ssh_command)
pulumi.export("jwksUrl", pulumi.Output.concat(url, "/.well-known/jwks.json"))
pulumi.export("healthUrl", pulumi.Output.concat(url, "/healthz"))
pulumi.export("url", url)
