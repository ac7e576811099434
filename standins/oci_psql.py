"""Database systems with PostgreSQL: their administrator's password changes by an action."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from standins import oci_api, oci_wire
from standins.oci_api import Client
from standins.oci_resources import Kind
from standins.resource import Context, ProviderError
from standins.values import Properties

CLIENT = Client("oci_psql.PostgresqlClient", "postgresql.{region}.oci", "20220915")
_PREFIX = "PostgreSQL."  # of shapes, in Pulumi's names
# of outputs, as the official plugin has them where the API leaves them out
_ABSENT_PARTS: Mapping[str, Mapping[str, Any]] = {
    "managementPolicy": {"maintenanceWindowStart": ""},
    "networkDetails": {"isReaderEndpointEnabled": False},
    "storageDetails": {"availabilityDomain": ""},
}


@dataclass(frozen=True, kw_only=True)
class DbSystem(Kind):
    """A database system, whose requests take minutes on Oracle Cloud."""

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        changed = self.differences(state, state, inputs)
        wanted = inputs["credentials"]
        if any(path.startswith("credentials.") for path in changed):
            path = f"{self.path}/{identity}/actions/resetMasterUserPassword"
            body = {"passwordDetails": wanted["passwordDetails"]}
            oci_api.of(context).call(self.client, "POST", path, body=body)
            self._in_state(identity, self.ready, context)
        return super().update(identity, {**state, "credentials": wanted}, inputs, context)

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        if not str(outputs["shape"]).startswith(_PREFIX):
            outputs["shape"] = f"{_PREFIX}{outputs['shape']}"
        if credentials := outputs.get("credentials"):  # not in a read of an imported system
            password = {"secretId": "", "secretVersion": "", **credentials["passwordDetails"]}
            outputs["credentials"] = {**credentials, "passwordDetails": password}
        for name, absent in _ABSENT_PARTS.items():
            if name in outputs:
                outputs[name] = {**absent, **outputs[name]}
        node = {"description": "", "lifecycleDetails": ""}
        outputs["instances"] = [{**node, **each} for each in outputs.get("instances", [])]
        return outputs


def connection_detail(arguments: Properties, context: Context) -> Properties:
    """Read the addresses of a system and the CA of its server."""
    path = f"/dbSystems/{arguments['dbSystemId']}/connectionDetails"
    body = oci_api.of(context).call(CLIENT, "GET", path)
    if body is None:
        raise ProviderError(f"404-NotAuthorizedOrNotFound, there is no {path}")
    (details,) = oci_wire.listed([body])
    endpoints: list[Any] = [
        {**each, "endpoints": [each.pop("endpoint")]} for each in details["instanceEndpoints"]
    ]
    return {
        **arguments,
        "id": arguments["dbSystemId"],
        "caCertificate": details["caCertificate"],
        "instanceEndpoints": endpoints,
        "primaryDbEndpoints": details["primaryDbEndpoint"],
    }


RESOURCES = {
    "oci:Psql/dbSystem:DbSystem": DbSystem(
        client=CLIENT,
        path="/dbSystems",
        title="database system",
        required=frozenset(
            {
                *("compartmentId", "dbVersion", "displayName", "networkDetails", "shape"),
                *("storageDetails", "credentials"),
            }
        ),
        optional=frozenset(
            {
                *("description", "freeformTags", "instanceCount", "instanceMemorySizeInGbs"),
                *("instanceOcpuCount", "managementPolicy", "systemType"),
            }
        ),
        computed=frozenset(
            {
                *("adminUsername", "configId", "instances", "lifecycleDetails", "state"),
                *("timeCreated", "timeUpdated"),
            }
        ),
        fixed=frozenset(
            {
                *("credentials.username", "systemType", "networkDetails.subnetId"),
                "networkDetails.primaryDbEndpointPrivateIp",
                *("storageDetails.availabilityDomain", "storageDetails.isRegionallyDurable"),
                "storageDetails.systemType",
            }
        ),
        refused=frozenset({"compartmentId", "dbVersion", "instanceCount"}),
        own=frozenset({"credentials"}),
        absent={"systemRole": ""},
        secrets=("credentials",),
        ready=frozenset({"ACTIVE"}),
        create_seconds=3600,
        delete_seconds=3600,
    ),
}
