"""Resources of Oracle Cloud that are created, read, updated and deleted alike: a table's rows."""

from collections.abc import Callable
from dataclasses import dataclass

from toolchain.standins import oci_api
from toolchain.standins.oci_api import Api
from toolchain.standins.oci_wire import inbound, outbound
from toolchain.standins.provider import Context, ProviderError, UnfinishedError
from toolchain.standins.values import Properties

NETWORK = "oci_core.VirtualNetworkClient"
COMPUTE = "oci_core.ComputeClient"
STORAGE = "oci_core.BlockstorageClient"
_GONE = frozenset({"TERMINATED", "DETACHED"})


class GoneError(ProviderError):
    """Somebody else deleted the resource meanwhile: there is nothing to keep."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One type of resource behind one path of the API.

    `updatable` inputs change in place; `refused` ones can't be changed by a stand-in, though the
    official plugin may; any other change needs a new resource.
    """

    client: str
    path: str
    title: str
    required: frozenset[str]
    optional: frozenset[str]
    computed: frozenset[str]
    updatable: frozenset[str] = frozenset({"displayName", "freeformTags"})
    refused: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    ready: frozenset[str] = frozenset({"AVAILABLE"})
    create_seconds: float = 300
    delete_seconds: float = 300
    to_body: Callable[[Properties], Properties] = outbound

    def prepare(self, inputs: Properties) -> Properties:
        return inputs

    def replaces(self, path: str) -> bool:
        return _root(path) not in self.updatable | self.refused

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        api = oci_api.of(context)
        made = api.call(self.client, "POST", self.path, body=self.to_body(inputs))
        try:
            return made["id"], self._settled(made["id"], inputs, context)
        except GoneError:
            raise
        except ProviderError as error:
            raise UnfinishedError(str(error), made["id"], {**inbound(made), **inputs}) from None

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        body = self.look(oci_api.of(context), identity)
        return {**state, **inbound(body)} if body else None

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        api = oci_api.of(context)
        changed = {key for key in {*state, *inputs} if state.get(key) != inputs.get(key)}
        for key in sorted(changed & self.refused):
            raise ProviderError(
                f"a change of {key} is not modelled by the stand-in for the oci plugin; the "
                f"official one makes it. Take the stack down first, or keep {key}."
            )
        wanted = {key: inputs[key] for key in self.updatable & changed if key in inputs}
        if wanted:
            api.call(self.client, "PUT", f"{self.path}/{identity}", body=outbound(wanted))
        return self._settled(identity, inputs, context)

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        del state
        api = oci_api.of(context)
        api.call(self.client, "DELETE", f"{self.path}/{identity}")
        api.wait(
            lambda: self.look(api, identity),
            ready=_GONE,
            seconds=self.delete_seconds,
            what=f"the {self.title} to delete",
        )

    def look(self, api: Api, identity: str) -> Properties | None:
        """Get the resource; None if it is gone."""
        body = api.call(self.client, "GET", f"{self.path}/{identity}")
        return None if body is None or body.get("lifecycleState") in _GONE else dict(body)

    def _settled(self, identity: str, inputs: Properties, context: Context) -> Properties:
        """Wait until the resource is ready; give its outputs, inputs as they were given."""
        api = oci_api.of(context)
        body = api.wait(
            lambda: self.look(api, identity),
            ready=self.ready,
            seconds=self.create_seconds,
            what=f"the {self.title}",
        )
        if body is None:
            raise GoneError(f"the {self.title} vanished while it was made")
        return {**inbound(body), **inputs}


@dataclass(frozen=True, kw_only=True)
class Default:
    """The route table or security list that a VCN comes with: taken over, never made or deleted."""

    path: str
    rules: tuple[str, ...]
    optional: frozenset[str]
    required: frozenset[str] = frozenset({"manageDefaultResourceId"})
    computed: frozenset[str] = frozenset({"state", "timeCreated", "compartmentId"})
    ignored: tuple[str, ...] = ()

    def prepare(self, inputs: Properties) -> Properties:
        return inputs

    def replaces(self, path: str) -> bool:
        return _root(path) == "manageDefaultResourceId"

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        identity = inputs["manageDefaultResourceId"]
        return identity, self.update(identity, {}, inputs, context)

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        body = oci_api.of(context).call(NETWORK, "GET", f"{self.path}/{identity}")
        return {**state, **inbound(body)} if body else None

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        del state
        wanted = {key: inputs.get(key, []) for key in self.rules}
        wanted |= {key: inputs[key] for key in ("displayName", "freeformTags") if key in inputs}
        body = oci_api.of(context).call(
            NETWORK, "PUT", f"{self.path}/{identity}", body=outbound(wanted)
        )
        return {**inbound(body), **inputs}

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        """Take the rules away, which is all that can be: the VCN deletes the rest."""
        if self.read(identity, state, context) is not None:
            self.update(identity, state, {}, context)


@dataclass(frozen=True, kw_only=True)
class SecurityRule:
    """One rule of a network security group: known by an id within the group, not by an OCID."""

    required: frozenset[str] = frozenset({"networkSecurityGroupId", "direction", "protocol"})
    optional: frozenset[str] = frozenset(
        {
            *("source", "sourceType", "destination", "destinationType", "description"),
            *("tcpOptions", "udpOptions", "icmpOptions", "stateless"),
        }
    )
    computed: frozenset[str] = frozenset({"isValid", "timeCreated"})
    ignored: tuple[str, ...] = ()

    def prepare(self, inputs: Properties) -> Properties:
        return inputs

    def replaces(self, path: str) -> bool:
        return _root(path) == "networkSecurityGroupId"

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        made = self._act(inputs, "addSecurityRules", {"securityRules": [_rule(inputs)]}, context)
        rule = made["securityRules"][0]
        return rule["id"], {**inbound(rule), **inputs}

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        path = f"/networkSecurityGroups/{state['networkSecurityGroupId']}/securityRules"
        api = oci_api.of(context)
        group = f"/networkSecurityGroups/{state['networkSecurityGroupId']}"
        if api.call(NETWORK, "GET", group) is None:
            return None
        for rule in api.list(NETWORK, path, {}):
            if rule["id"] == identity:
                return {**state, **inbound(rule)}
        return None

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        del state
        rule = {"id": identity, **_rule(inputs)}
        made = self._act(inputs, "updateSecurityRules", {"securityRules": [rule]}, context)
        return {**inbound(made["securityRules"][0]), **inputs}

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        if self.read(identity, state, context) is not None:
            self._act(state, "removeSecurityRules", {"securityRuleIds": [identity]}, context)

    @staticmethod
    def _act(rule: Properties, action: str, body: Properties, context: Context) -> Properties:
        path = f"/networkSecurityGroups/{rule['networkSecurityGroupId']}/actions/{action}"
        return dict(oci_api.of(context).call(NETWORK, "POST", path, body=body))


def _rule(inputs: Properties) -> Properties:
    return dict(outbound({k: v for k, v in inputs.items() if k != "networkSecurityGroupId"}))


def _root(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
