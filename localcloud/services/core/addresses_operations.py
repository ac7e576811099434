"""Operations on VNICs, private and public IPs."""

from localcloud.api import errors, wire
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    creates,
    deletes,
    describe,
    lists,
    reads,
    updates,
)
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.services.core import private_ip, public_ip, vnic
from localcloud.services.work_requests import moves


class _PrivateIpId(Details):
    private_ip_id: str


class _IpAddress(Details):
    ip_address: str


def _public_ip_by_private_ip_id(call: Call) -> Reply:
    return _found_public_ip(
        call.cloud, private_ip_id=wire.read(_PrivateIpId, call.body).private_ip_id
    )


def _public_ip_by_address(call: Call) -> Reply:
    return _found_public_ip(call.cloud, ip_address=wire.read(_IpAddress, call.body).ip_address)


def _found_public_ip(cloud: Cloud, **equal: str) -> Reply:
    found = cloud.store.find(public_ip.PublicIp, **equal)
    if not found:
        raise errors.not_found()
    return describe(found[0])


OPERATIONS = (
    reads("GetVnic", "/vnics/{vnicId}", vnic.Vnic, vnic.present),
    updates(
        "UpdateVnic",
        "/vnics/{vnicId}",
        vnic.Vnic,
        vnic.UpdateVnicDetails,
        vnic.update,
        show=vnic.present,
    ),
    lists(
        "ListPrivateIps",
        "/privateIps",
        private_ip.PrivateIp,
        ("vnicId", "subnetId", "ipAddress"),
        required=(),
    ),
    reads("GetPrivateIp", "/privateIps/{privateIpId}", private_ip.PrivateIp),
    lists(
        "ListIpv6s",
        "/ipv6",
        private_ip.PrivateIp,
        ("vnicId", "subnetId", "ipAddress"),
        required=(),
        find=lambda _: (),  # no VCN has IPv6
    ),
    creates(
        "CreatePublicIp",
        "/publicIps",
        public_ip.PublicIp,
        public_ip.CreatePublicIpDetails,
        public_ip.create,
    ),
    lists(
        "ListPublicIps",
        "/publicIps",
        public_ip.PublicIp,
        ("scope", "compartmentId", "availabilityDomain", "lifetime"),
        required=("scope", "compartmentId"),
    ),
    reads("GetPublicIp", "/publicIps/{publicIpId}", public_ip.PublicIp),
    Operation(
        name="GetPublicIpByPrivateIpId",
        method="POST",
        path="/publicIps/actions/getByPrivateIpId",
        answer=_public_ip_by_private_ip_id,
        fields=("privateIpId",),
    ),
    Operation(
        name="GetPublicIpByIpAddress",
        method="POST",
        path="/publicIps/actions/getByIpAddress",
        answer=_public_ip_by_address,
        fields=("ipAddress",),
    ),
    updates(
        "UpdatePublicIp",
        "/publicIps/{publicIpId}",
        public_ip.PublicIp,
        public_ip.UpdatePublicIpDetails,
        public_ip.update,
    ),
    moves("ChangePublicIpCompartment", "/publicIps/{publicIpId}", public_ip.PublicIp),
    deletes("DeletePublicIp", "/publicIps/{publicIpId}", public_ip.PublicIp, public_ip.delete),
)
