"""Clusters and node pools of Container Engine, which a work request makes."""

import json
from dataclasses import dataclass

from standins import oci_api, oci_wire
from standins.oci_api import Client
from standins.oci_resources import Kind
from standins.provider import Function
from standins.resource import Context, ProviderError, UnfinishedError
from standins.values import Properties

CLIENT = Client(
    "oci_containerengine.ContainerEngineClient", "containerengine.{region}.oci", "20180222"
)


class FailedWorkError(ProviderError):
    """A work request failed; the text has its reasons."""


@dataclass(frozen=True, kw_only=True)
class Worked(Kind):
    """A resource whose creation and update are answered by a work request, and end with it."""

    deleted_after_failure: bool = False  # of its creation

    def _post(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        api = oci_api.of(context)
        request_id = api.begin(self.client, "POST", self.path, self._body(inputs))
        request = api.call(self.client, "GET", f"/workRequests/{request_id}")
        identity = str(request["resources"][0]["identifier"])
        try:
            self._finish(request_id, "CREATED", context)
        except FailedWorkError as error:
            if not self.deleted_after_failure:
                raise UnfinishedError(str(error), identity, inputs) from None
            self.delete(identity, inputs, context)
            raise
        return identity, {}

    def _put(self, identity: str, wanted: Properties, context: Context) -> None:
        path = f"{self.path}/{identity}"
        request_id = oci_api.of(context).begin(self.client, "PUT", path, self._body(wanted))
        self._finish(request_id, "UPDATED", context)

    def _finish(self, request_id: str, action: str, context: Context) -> None:
        """Wait for the end of a work request; a failure is worded as by the official plugin."""
        api, path = oci_api.of(context), f"/workRequests/{request_id}"

        def look() -> Properties:
            request = api.call(self.client, "GET", path)
            return {**request, "lifecycleState": request["status"]}

        request = api.wait(
            look,
            ready=_OVER,
            seconds=context.timeout or self.create_seconds,
            what=f"the work request of the {self.title}",
        )
        if request and request["status"] != "SUCCEEDED":
            query = {"compartmentId": request["compartmentId"]}
            problems = api.list(self.client, f"{path}/errors", query)
            entity = request["resources"][0]["entityType"]
            raise FailedWorkError(
                f"work request did not succeed, workId: {request_id}, entity: {entity}, action: "
                f"{action}. Message: {', '.join(each['message'] for each in problems)}"
            )


@dataclass(frozen=True, kw_only=True)
class Cluster(Worked):
    """A cluster; its API server stays in its subnet."""

    def differences(
        self,
        state: Properties,
        old: Properties,
        new: Properties,
        ignored: tuple[str, ...] = (),
    ) -> dict[str, str]:
        kinds = super().differences(state, old, new, ignored)
        if _SUBNET in kinds:
            # as the official plugin puts it, whose rule is of the whole resource
            kinds |= {_SUBNET: "UPDATE", "__meta": "UPDATE_REPLACE"}
        return kinds

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        outputs["endpointConfig"] = {"securityAttributes": {}, **outputs["endpointConfig"]}
        endpoints = dict.fromkeys(_ENDPOINTS, "")
        outputs["endpoints"] = [{**endpoints, **outputs["endpoints"]}]
        metadata = dict.fromkeys(_METADATA, "")
        created = {**metadata, **outputs.pop("metadata")}
        outputs["metadatas"] = [
            {**created, "timeCreated": oci_wire.go_time(created["timeCreated"])}
        ]
        return outputs


@dataclass(frozen=True, kw_only=True)
class NodePool(Worked):
    """A node pool, with its nodes among the outputs."""

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        config = {**_CONFIG, **outputs["nodeConfigDetails"]}
        config["placementConfigs"] = [{**_PLACE, **each} for each in config["placementConfigs"]]
        outputs["nodeConfigDetails"] = config
        return outputs


_OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELED"})  # states of a work request
# of outputs, as the official plugin has them where the API leaves them out
_CONFIG = {
    **dict.fromkeys(("computeClusterId", "kmsKeyId"), ""),
    "isPvEncryptionInTransitEnabled": False,
}
_PLACE = {"capacityReservationId": "", "hostGroupId": ""}
_SUBNET = "endpointConfig.subnetId"
_ENDPOINTS = (
    *("ipv6endpoint", "kubernetes", "privateEndpoint", "publicEndpoint", "vcnHostnameEndpoint"),
)
_METADATA = (
    *("createdByUserId", "createdByWorkRequestId", "deletedByUserId", "deletedByWorkRequestId"),
    *("timeCredentialExpiration", "timeDeleted", "timeUpdated", "updatedByUserId"),
    "updatedByWorkRequestId",
)


def _options(path: str, argument: str) -> Function:
    """Return a function that reads the options of a cluster or node pool."""

    def function(arguments: Properties, context: Context) -> Properties:
        identity = arguments[argument]
        query = {name: value for name, value in arguments.items() if name != argument}
        body = oci_api.of(context).call(CLIENT, "GET", f"{path}/{identity}", query=query)
        if body is None:
            raise ProviderError(f"404-NotAuthorizedOrNotFound, there is no {path}/{identity}")
        return {**arguments, "id": identity, **oci_wire.inbound(body)}

    return function


def _kubeconfig(arguments: Properties, context: Context) -> Properties:
    path = f"/clusters/{arguments['clusterId']}/kubeconfig/content"
    # the emulated cloud writes JSON, which is YAML too
    content = oci_api.of(context).call(CLIENT, "POST", path, body={})
    return {**arguments, "id": arguments["clusterId"], "content": json.dumps(content)}


FUNCTIONS = {
    "oci:ContainerEngine/getClusterOption:getClusterOption": _options(
        "/clusterOptions", "clusterOptionId"
    ),
    "oci:ContainerEngine/getNodePoolOption:getNodePoolOption": _options(
        "/nodePoolOptions", "nodePoolOptionId"
    ),
    "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig": _kubeconfig,
}

RESOURCES = {
    "oci:ContainerEngine/cluster:Cluster": Cluster(
        client=CLIENT,
        path="/clusters",
        title="cluster",
        required=frozenset({"compartmentId", "kubernetesVersion", "vcnId"}),
        optional=frozenset(
            {"clusterPodNetworkOptions", "endpointConfig", "freeformTags", "name", "type"}
        ),
        computed=frozenset(
            {
                *("availableKubernetesUpgrades", "endpoints", "lifecycleDetails", "metadatas"),
                "state",
            }
        ),
        fixed=frozenset(
            {"compartmentId", "vcnId", "clusterPodNetworkOptions", "endpointConfig.subnetId"}
        ),
        ready=frozenset({"ACTIVE"}),
        create_seconds=3600,
        delete_seconds=3600,
    ),
    "oci:ContainerEngine/nodePool:NodePool": NodePool(
        client=CLIENT,
        path="/nodePools",
        title="node pool",
        required=frozenset({"clusterId", "compartmentId", "nodeShape"}),
        optional=frozenset(
            {
                *("freeformTags", "kubernetesVersion", "name", "nodeConfigDetails"),
                *("nodeEvictionNodePoolSettings", "nodeShapeConfig", "nodeSourceDetails"),
            }
        ),
        computed=frozenset({"lifecycleDetails", "nodes", "state"}),
        fixed=frozenset({"clusterId", "compartmentId"}),
        absent={"networkLaunchType": ""},
        ready=frozenset({"ACTIVE"}),
        create_seconds=3000,
        delete_seconds=3000,
        deleted_after_failure=True,
    ),
}
