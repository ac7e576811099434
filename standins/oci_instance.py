"""Instances: launched with a VNIC and a boot volume, which are read back into the outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import property_values
from standins import oci_api
from standins.oci_resources import COMPUTE, NETWORK, STORAGE, Kind
from standins.oci_wire import inbound, outbound
from standins.resource import Context, ProviderError
from standins.values import Properties

# of `metadata`, these make the official plugin launch another instance
_BOOT_METADATA = frozenset({"metadata.user_data", "metadata.ssh_authorized_keys"})
# The official plugin reports its own decisions so, and the property itself as a mere update.
_DECIDED = "__meta"
_POWER = {"RUNNING": "START", "STOPPED": "STOP"}  # state to the action that leads there
_CARD = ("displayName", "freeformTags", "hostnameLabel", "nsgIds", "skipSourceDestCheck")
# of the VNIC, as the official plugin has them in createVnicDetails
_CARD_ABSENT: Mapping[str, Any] = {
    "assignIpv6ip": False,
    "assignPrivateDnsRecord": False,
    "definedTags": {},
    "freeformTags": {},
    "ipv6addressIpv6subnetCidrPairDetails": [],
    "nsgIds": [],
    "privateIpId": "",
    "securityAttributes": {},
    "subnetCidr": "",
    "vlanId": "",
}
_VNIC_FIELDS = ("definedTags", *_CARD, "privateIp", "subnetId")
_SHAPE_ABSENT: Mapping[str, Any] = {
    **{f"{name}Description": "" for name in ("gpu", "localDisk")},
    **dict.fromkeys(("localDisksTotalSizeInGbs", "localVolumeSizeInGbs", "nvmes"), 0),
    "baselineOcpuUtilization": "",
    "resourceManagement": "",
}


@dataclass(frozen=True, kw_only=True)
class Instance(Kind):
    def prepare(self, inputs: Properties) -> Properties:
        if inputs.get("state", "RUNNING") not in {*_POWER, property_values.UNKNOWN}:
            raise ProviderError(f"state is {inputs['state']}; expected one of {', '.join(_POWER)}")
        return super().prepare(inputs)

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        identity, outputs = super().create(inputs, context)
        return identity, self._powered(identity, outputs, inputs, context)

    def differences(
        self,
        state: Properties,
        old: Properties,
        new: Properties,
        ignored: tuple[str, ...] = (),
    ) -> dict[str, str]:
        kinds = super().differences(state, old, new, ignored)
        return {**kinds, _DECIDED: "UPDATE_REPLACE"} if _BOOT_METADATA & set(kinds) else kinds

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        outputs = super().read(identity, state, context)
        return outputs and {**outputs, **self._attached(identity, outputs, context)}

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        old, new = state.get("createVnicDetails", {}), inputs.get("createVnicDetails", {})
        changed = {name for name in new if new[name] != old.get(name)}
        card = {name: new[name] for name in _CARD if name in changed}
        if card:
            vnic = self._vnic(identity, state, context)
            oci_api.of(context).call(NETWORK, "PUT", f"/vnics/{vnic['id']}", body=outbound(card))
        if "assignPublicIp" in changed:
            self._publish(identity, state, context, wanted=new["assignPublicIp"] == "true")
        if inputs.get("state") == "RUNNING":
            state = self._powered(identity, state, inputs, context)
        # an action alone changes the power state: no request has it as a field
        powered = {**state, "state": inputs.get("state", state.get("state"))}
        outputs = super().update(identity, powered, inputs, context)
        return self._powered(identity, outputs, inputs, context)

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        source = {
            "kmsKeyId": "",
            "isPreserveBootVolumeEnabled": False,
            **outputs.get("sourceDetails", {}),
        }
        if "imageId" in source:
            source["sourceId"] = source.pop("imageId")
        encrypted = outputs.get("launchOptions", {}).get("isPvEncryptionInTransitEnabled")
        availability = {"isLiveMigrationPreferred": False, **outputs.get("availabilityConfig", {})}
        return {
            **{name: value for name, value in outputs.items() if name != "imageId"},
            **({} if encrypted is None else {"isPvEncryptionInTransitEnabled": encrypted}),
            "availabilityConfig": availability,
            "image": outputs.get("imageId"),
            "sourceDetails": source,
            "shapeConfig": {**_SHAPE_ABSENT, **outputs.get("shapeConfig", {})},
        }

    @staticmethod
    def _deletion(state: Properties) -> Mapping[str, Any]:
        return {"preserveBootVolume": "true"} if state.get("preserveBootVolume") else {}

    def _settled(self, identity: str, inputs: Properties, context: Context) -> Properties:
        outputs = super()._settled(identity, inputs, context)
        return {**outputs, **self._attached(identity, outputs, context)}

    def _attached(self, identity: str, outputs: Properties, context: Context) -> Properties:
        api = oci_api.of(context)
        boot = api.list(
            COMPUTE,
            "/bootVolumeAttachments",
            {
                "availabilityDomain": outputs["availabilityDomain"],
                "compartmentId": outputs["compartmentId"],
                "instanceId": identity,
            },
        )
        # an instance itself does not have its boot volume's size
        disk = inbound(api.call(STORAGE, "GET", f"/bootVolumes/{boot[0]['bootVolumeId']}"))
        vnic = self._vnic(identity, outputs, context)
        current = {name: value for name, value in inbound(vnic).items() if name in _VNIC_FIELDS}
        return {
            "bootVolumeId": boot[0]["bootVolumeId"],
            "sourceDetails": {
                **outputs["sourceDetails"],
                "bootVolumeSizeInGbs": disk["sizeInGbs"],
                "bootVolumeVpusPerGb": disk["vpusPerGb"],
            },
            "privateIp": vnic["privateIp"],
            "publicIp": vnic.get("publicIp") or "",
            "subnetId": vnic["subnetId"],
            "hostnameLabel": vnic.get("hostnameLabel") or "",
            "createVnicDetails": {
                **_CARD_ABSENT,
                **outputs.get("createVnicDetails", {}),
                **current,
            },
        }

    def _powered(
        self, identity: str, outputs: Properties, inputs: Properties, context: Context
    ) -> Properties:
        """Start or stop the instance if it is not in the wanted state; return the outputs then."""
        wanted = inputs.get("state")
        if wanted in {None, outputs.get("state")}:
            return outputs
        # the state of an interrupted launch is PROVISIONING, and the VM has gone on since
        instance = self._in_state(identity, frozenset(_POWER), context)
        if instance is None or instance["lifecycleState"] != wanted:
            query = {"action": _POWER[wanted]}
            path = f"{self.path}/{identity}"
            oci_api.of(context).call(self.client, "POST", path, query=query)
            self._in_state(identity, frozenset({wanted}), context)
        return {**outputs, "state": wanted}

    def _publish(
        self, identity: str, outputs: Properties, context: Context, *, wanted: bool
    ) -> None:
        """Give the VNIC an ephemeral public address, or take it away."""
        api, vnic = oci_api.of(context), self._vnic(identity, outputs, context)
        (primary, *_) = api.list(NETWORK, "/privateIps", {"vnicId": vnic["id"]})
        place = {"privateIpId": primary["id"]}
        if wanted:
            body = {"compartmentId": outputs["compartmentId"], "lifetime": "EPHEMERAL", **place}
            api.call(NETWORK, "POST", "/publicIps", body=body)
            return
        address = api.call(NETWORK, "POST", "/publicIps/actions/getByPrivateIpId", body=place)
        if address["lifetime"] == "EPHEMERAL":
            api.call(NETWORK, "DELETE", f"/publicIps/{address['id']}")

    @staticmethod
    def _vnic(identity: str, outputs: Properties, context: Context) -> Properties:
        """Return the primary VNIC, the first if somebody attached more."""
        api = oci_api.of(context)
        query = {"compartmentId": outputs["compartmentId"], "instanceId": identity}
        for attached in api.list(COMPUTE, "/vnicAttachments", query):
            vnic = api.call(NETWORK, "GET", f"/vnics/{attached['vnicId']}")
            if vnic and vnic["isPrimary"]:
                return dict(vnic)
        raise ProviderError(f"the instance {identity} has no primary VNIC: is it being terminated?")
