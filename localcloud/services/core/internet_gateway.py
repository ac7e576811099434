"""Internet gateways: the only way between a VCN and the world; one a VCN."""

from typing import ClassVar

from localcloud import ocids
from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core.vcn import Vcn
from localcloud.services.resources import CreateDetails, NameAndTags, Tagged


class InternetGateway(Tagged):
    kind: ClassVar[str] = "internetgateway"
    vcn_id: str
    is_enabled: bool


class CreateInternetGatewayDetails(CreateDetails):
    vcn_id: str
    is_enabled: bool


class UpdateInternetGatewayDetails(NameAndTags):
    is_enabled: bool | None = None


def create(cloud: Cloud, wish: CreateInternetGatewayDetails) -> InternetGateway:
    vcn = cloud.store.related(Vcn, "vcnId", wish.vcn_id)
    if cloud.store.find(InternetGateway, vcn_id=vcn.id):
        raise errors.limit_exceeded("internet-gateway-per-vcn-count")
    gateway = InternetGateway(
        **wish.common(cloud, "internetgateway"),
        id=ocids.mint("internetgateway"),
        lifecycle_state="PROVISIONING",
        vcn_id=vcn.id,
        is_enabled=wish.is_enabled,
    )
    return resource.settle(cloud, gateway, "AVAILABLE")


def delete(cloud: Cloud, gateway: InternetGateway) -> None:
    resource.delete(cloud, gateway)
