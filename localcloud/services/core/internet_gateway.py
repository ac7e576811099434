"""Internet gateways: the only way between a VCN and the internet. A VCN has a single gateway."""

from typing import ClassVar

from localcloud import resources
from localcloud.api import errors
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, SettlingResource
from localcloud.service import ResourceType
from localcloud.services.core.filters import IN_VCN
from localcloud.services.core.vcn import Vcn
from localcloud.services.work_requests import moves


class InternetGateway(SettlingResource):
    """A VCN's way to the internet."""

    kind: ClassVar[str] = "internetgateway"
    title: ClassVar[str] = "Internet Gateway"
    vcn_id: str
    is_enabled: bool


class CreateInternetGatewayDetails(CreateDetails):
    """The request for an internet gateway."""

    vcn_id: str
    is_enabled: bool


class UpdateInternetGatewayDetails(NameAndTags):
    """The update of an internet gateway."""

    is_enabled: bool | None = None


def create(cloud: Cloud, details: CreateInternetGatewayDetails) -> InternetGateway:
    """Create an internet gateway; raises 400 for a second in a VCN."""
    vcn = cloud.store.related(Vcn, "vcnId", details.vcn_id)
    if cloud.store.find(InternetGateway, vcn_id=vcn.id):
        raise errors.limit_exceeded("internet-gateway-per-vcn-count")
    gateway = InternetGateway(
        **details.common(cloud, InternetGateway),
        lifecycle_state="PROVISIONING",
        vcn_id=vcn.id,
        is_enabled=details.is_enabled,
    )
    return resources.settle(cloud, gateway)


RESOURCE_TYPE = ResourceType(
    resource=InternetGateway,
    operations=(
        creates(
            "CreateInternetGateway",
            "/internetGateways",
            InternetGateway,
            CreateInternetGatewayDetails,
            create,
        ),
        lists("ListInternetGateways", "/internetGateways", InternetGateway, IN_VCN),
        reads("GetInternetGateway", "/internetGateways/{igId}", InternetGateway),
        updates(
            "UpdateInternetGateway",
            "/internetGateways/{igId}",
            InternetGateway,
            UpdateInternetGatewayDetails,
            resources.update,
        ),
        moves("ChangeInternetGatewayCompartment", "/internetGateways/{igId}", InternetGateway),
        deletes(
            "DeleteInternetGateway",
            "/internetGateways/{igId}",
            InternetGateway,
            resources.delete,
        ),
    ),
    limits="""
        - A public IP answers only while its subnet's route table sends 0.0.0.0/0 to an enabled
          internet gateway. Narrower routes are kept without effect.
    """,
)
