"""Database systems with PostgreSQL: their administrator's password changes by an action."""

from dataclasses import dataclass
from typing import Any

from standins import oci_api, oci_wire
from standins.oci_api import Client
from standins.oci_resources import Kind
from standins.resource import Context, ProviderError
from standins.values import Properties

CLIENT = Client("oci_psql.PostgresqlClient", "postgresql.{region}.oci", "20220915")
_PREFIX = "PostgreSQL."  # of shapes, in Pulumi's names


@dataclass(frozen=True, kw_only=True)
class DbSystem(Kind):
    """A database system, whose requests take minutes on Oracle Cloud."""

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        wanted, known = inputs.get("credentials"), state.get("credentials")
        if wanted != known and wanted is not None:
            path = f"{self.path}/{identity}/actions/resetMasterUserPassword"
            body = {"passwordDetails": wanted["passwordDetails"]}
            oci_api.of(context).call(self.client, "POST", path, body=body)
            self._in_state(identity, self.ready, context)
        return super().update(identity, {**state, "credentials": wanted}, inputs, context)

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        if not str(outputs["shape"]).startswith(_PREFIX):
            outputs["shape"] = f"{_PREFIX}{outputs['shape']}"
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
        secrets=("credentials",),
        ready=frozenset({"ACTIVE"}),
        create_seconds=3600,
        delete_seconds=3600,
    ),
}
