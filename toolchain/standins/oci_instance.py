"""Instances: launched with a VNIC and a boot volume, which are read back into the outputs."""

from dataclasses import dataclass

from toolchain.standins import oci_api
from toolchain.standins.oci_resources import COMPUTE, NETWORK, Kind
from toolchain.standins.oci_wire import inbound, outbound
from toolchain.standins.provider import Context, ProviderError
from toolchain.standins.values import Properties

# of `metadata`, these make the official provider launch another instance
_BOOT_METADATA = ("metadata.user_data", "metadata.ssh_authorized_keys")
_VNIC_UPDATABLE = ("nsgIds", "displayName", "hostnameLabel", "skipSourceDestCheck")


@dataclass(frozen=True, kw_only=True)
class Instance(Kind):
    def replaces(self, path: str) -> bool:
        if path.startswith("metadata"):
            return path == "metadata" or path in _BOOT_METADATA
        if path.startswith("createVnicDetails."):
            return path.partition(".")[2].partition("[")[0] not in _VNIC_UPDATABLE
        return super().replaces(path)

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        body = self.look(oci_api.of(context), identity)
        if body is None:
            return None
        # what the API tells in another shape than it was given stays as it was given
        seen = {k: v for k, v in inbound(body).items() if k not in {"sourceDetails", "metadata"}}
        return {**state, **seen, **self._attached(identity, {**state, **seen}, context)}

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        old, new = state.get("createVnicDetails", {}), inputs.get("createVnicDetails", {})
        card = {key: new[key] for key in _VNIC_UPDATABLE if key in new and new[key] != old.get(key)}
        if card:
            vnic = self._vnic(identity, state, context)
            api = oci_api.of(context)
            api.call(NETWORK, "PUT", f"/vnics/{vnic['id']}", body=outbound(card))
        return super().update(identity, state, inputs, context)

    def _settled(self, identity: str, inputs: Properties, context: Context) -> Properties:
        outputs = super()._settled(identity, inputs, context)
        return {**outputs, **self._attached(identity, outputs, context)}

    def _attached(self, identity: str, outputs: Properties, context: Context) -> Properties:
        boot = oci_api.of(context).list(
            COMPUTE,
            "/bootVolumeAttachments",
            {
                "availabilityDomain": outputs["availabilityDomain"],
                "compartmentId": outputs["compartmentId"],
                "instanceId": identity,
            },
        )
        vnic = self._vnic(identity, outputs, context)
        return {
            "bootVolumeId": boot[0]["bootVolumeId"],
            "privateIp": vnic["privateIp"],
            "publicIp": vnic.get("publicIp") or "",
        }

    @staticmethod
    def _vnic(identity: str, outputs: Properties, context: Context) -> Properties:
        """Give the primary VNIC, which is the only one unless somebody attached more."""
        api = oci_api.of(context)
        query = {"compartmentId": outputs["compartmentId"], "instanceId": identity}
        for attached in api.list(COMPUTE, "/vnicAttachments", query):
            vnic = api.call(NETWORK, "GET", f"/vnics/{attached['vnicId']}")
            if vnic and vnic["isPrimary"]:
                return dict(vnic)
        raise ProviderError(f"the instance {identity} has no primary VNIC: is it being terminated?")
