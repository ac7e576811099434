"""The Authentication Service on Oracle Cloud: settings in, components, URLs out."""

import pulumi

import components.no_collection
import components.resources_on_demand  # noqa: F401 - both for their effect on the imports below
import platforms
import settings as configuration
from components import interruption
from components.budget import Budget, BudgetArgs
from components.image import Image, ImageArgs
from components.network import Network, NetworkArgs, ingress_rules

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
        ingress=ingress_rules(ssh=settings.ssh_cidrs, http=settings.allowed_http_cidrs),
    ),
)
outputs = platforms.of(settings).provide(settings, image, network)

Budget(
    "auth",
    BudgetArgs(
        tenancy_id=settings.tenancy_id,
        compartment_id=settings.compartment_id,
        amount=settings.monthly_budget,
        emails=settings.alert_emails,
    ),
)

for name, value in outputs.items():
    pulumi.export(name, value)
