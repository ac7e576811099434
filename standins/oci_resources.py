"""Resources of Oracle Cloud that are created, read, updated and deleted alike: a table's rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from standins import oci_api, oci_changes, values
from standins.oci_api import Api, Client
from standins.oci_wire import inbound, outbound
from standins.resource import Context, ProviderError, UnfinishedError
from standins.values import Properties

NETWORK = Client("oci_core.VirtualNetworkClient", "iaas.{region}")
COMPUTE = Client("oci_core.ComputeClient", "iaas.{region}")
STORAGE = Client("oci_core.BlockstorageClient", "iaas.{region}")
_GONE = frozenset({"TERMINATED", "DETACHED", "DELETED"})


class GoneError(ProviderError):
    """Somebody else deleted the resource meanwhile: there is nothing to keep."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """The properties of a type of resource, and the effect of a change of each.

    Inputs change in place, with two exceptions: `fixed` lists the paths whose change needs a new
    resource, and `refused` the properties that only the official plugin changes. The removal of an
    input is no change, unless `cleared` has it.
    """

    required: frozenset[str]
    optional: frozenset[str]
    computed: frozenset[str]
    fixed: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    cleared: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()  # inputs that the API does not answer
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of inputs
    absent: Mapping[str, Any] = field(default_factory=dict)  # outputs that the API leaves out
    # Pulumi's name → Oracle's, of properties that only this type renames
    renamed: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    def prepare(self, inputs: Properties) -> Properties:
        return {**self.defaults, **inputs}

    def differences(
        self,
        state: Properties,
        old: Properties,
        new: Properties,
        ignored: tuple[str, ...] = (),
    ) -> dict[str, str]:
        del old  # the state has the current values
        kinds = oci_changes.differences(state, new, self.cleared)
        return {
            path: f"{kind}_REPLACE" if values.below(path, self.fixed) else kind
            for path, kind in oci_changes.ignored(kinds, ignored).items()
        }

    def foreseen(self, state: Properties, old: Properties, new: Properties) -> Properties:
        """Return the current outputs with the changes: Oracle's updates leave the rest known."""
        self.refuse(self.differences(state, old, new))
        taken_away = dict.fromkeys((self.cleared - set(new)) & set(state))
        return {**oci_changes.merged(state, new), **taken_away}

    def refuse(self, kinds: Mapping[str, str]) -> None:
        for name in sorted({values.top(path) for path in kinds} & self.refused):
            raise ProviderError(
                f"a change of {name} is not modelled by the stand-in for the oci plugin; the "
                f"official plugin makes it. Take the stack down first, or keep {name}."
            )

    def seen(self, body: Properties, known: Properties) -> Properties:
        """Return the outputs: the API's answer, and from `known` the fields that it leaves out."""
        unanswered = {name: known[name] for name in self.own if name in known}
        back = {wire: name for name, wire in self.renamed.items()}
        answered = {back.get(name, name): value for name, value in inbound(body).items()}
        return {**self.absent, **unanswered, **answered}


@dataclass(frozen=True, kw_only=True)
class Kind(Row):
    """A type of resource behind a path of the API."""

    client: Client
    path: str
    title: str
    identifier: str = "id"  # the field of an answer that has the OCID
    ready: frozenset[str] = frozenset({"AVAILABLE"})
    create_seconds: float = 1200
    delete_seconds: float = 1200
    to_body: Callable[[Properties], Properties] = outbound

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        identity, made = self._post(inputs, context)
        try:
            return identity, self._settled(identity, inputs, context)
        except GoneError:
            raise
        except ProviderError as error:
            raise UnfinishedError(str(error), identity, {**inbound(made), **inputs}) from None

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        body = self.look(oci_api.of(context), identity)
        return {"id": identity, **self.seen(body, values.plain(state))} if body else None

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        kinds = self.differences(state, state, inputs)
        self.refuse(kinds)
        changed = {values.top(path) for path in kinds} - self.own
        api, path = oci_api.of(context), f"{self.path}/{identity}"
        if "compartmentId" in changed:
            moved = {"compartmentId": inputs["compartmentId"]}
            api.call(self.client, "POST", f"{path}/actions/changeCompartment", body=moved)
        wanted = {name: inputs.get(name, "") for name in changed - {"compartmentId"}}
        if wanted:
            self._put(identity, wanted, context)
        return self._settled(identity, inputs, context)

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        api = oci_api.of(context)
        query = self._deletion(state)
        api.call(self.client, "DELETE", f"{self.path}/{identity}", query=query)
        api.wait(
            lambda: self.look(api, identity),
            ready=_GONE,
            seconds=context.timeout or self.delete_seconds,
            what=f"the {self.title} to delete",
        )

    def look(self, api: Api, identity: str) -> Properties | None:
        """Return the resource; None if it is gone."""
        body = api.call(self.client, "GET", f"{self.path}/{identity}")
        return None if body is None or body.get("lifecycleState") in _GONE else dict(body)

    def _post(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        """Begin the creation; return the OCID, and the answer's body."""
        api = oci_api.of(context)
        made = api.call(self.client, "POST", self.path, body=self._body(inputs))
        return made[self.identifier], made

    def _put(self, identity: str, wanted: Properties, context: Context) -> None:
        """Begin the change of these properties."""
        path = f"{self.path}/{identity}"
        oci_api.of(context).call(self.client, "PUT", path, body=self._body(wanted))

    def _body(self, properties: Properties) -> Properties:
        """Return the body of a request about these properties."""
        named = {self.renamed.get(name, name): value for name, value in properties.items()}
        return self.to_body(named)

    @staticmethod
    def _deletion(state: Properties) -> Mapping[str, Any]:
        """Return the query of the request that deletes the resource."""
        del state
        return {}

    def _settled(self, identity: str, inputs: Properties, context: Context) -> Properties:
        """Wait until the resource is ready; give its outputs."""
        body = self._in_state(identity, self.ready, context)
        if body is None:
            raise GoneError(f"the {self.title} vanished while it was made")
        return {"id": identity, **self.seen(body, inputs)}

    def _in_state(
        self, identity: str, states: frozenset[str], context: Context
    ) -> Properties | None:
        """Wait until the resource is in any of the states; None if it is gone."""
        api = oci_api.of(context)
        return api.wait(
            lambda: self.look(api, identity),
            ready=states,
            seconds=context.timeout or self.create_seconds,
            what=f"the {self.title}",
        )


@dataclass(frozen=True, kw_only=True)
class Default(Row):
    """The route table or security list that a VCN comes with: taken over, never made or deleted."""

    path: str
    required: frozenset[str] = frozenset({"manageDefaultResourceId"})
    computed: frozenset[str] = frozenset({"state", "timeCreated", "compartmentId"})
    fixed: frozenset[str] = frozenset({"manageDefaultResourceId"})
    own: frozenset[str] = frozenset({"manageDefaultResourceId"})

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        identity = inputs["manageDefaultResourceId"]
        return identity, self.update(identity, {}, inputs, context)

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        body = oci_api.of(context).call(NETWORK, "GET", f"{self.path}/{identity}")
        return self.seen(body, values.plain(state)) if body else None

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        del state
        wanted = {name: inputs.get(name, []) for name in self.cleared}
        wanted |= {name: inputs[name] for name in ("displayName", "freeformTags") if name in inputs}
        body = oci_api.of(context).call(
            NETWORK, "PUT", f"{self.path}/{identity}", body=outbound(wanted)
        )
        return self.seen(body, inputs)

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        """Take the rules away, which is all that can be: the VCN deletes the rest."""
        if self.read(identity, state, context) is not None:
            self.update(identity, state, {}, context)

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        outputs.pop("vcnId", None)  # the official plugin leaves it out
        if "routeRules" in outputs:
            rule = {"cidrBlock": "", "description": "", "routeType": "STATIC"}
            outputs["routeRules"] = [{**rule, **told} for told in outputs["routeRules"]]
        return outputs


@dataclass(frozen=True, kw_only=True)
class SecurityRule(Row):
    """A rule of a network security group: its id is unique in the group, and no OCID."""

    required: frozenset[str] = frozenset({"networkSecurityGroupId", "direction", "protocol"})
    optional: frozenset[str] = frozenset(
        {
            *("source", "sourceType", "destination", "destinationType", "description"),
            *("tcpOptions", "udpOptions", "icmpOptions", "stateless"),
        }
    )
    computed: frozenset[str] = frozenset({"isValid", "timeCreated"})
    fixed: frozenset[str] = frozenset({"networkSecurityGroupId"})
    cleared: frozenset[str] = frozenset(
        {"destination", "icmpOptions", "source", "tcpOptions", "udpOptions"}
    )
    own: frozenset[str] = frozenset({"networkSecurityGroupId"})

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        made = self._act(inputs, "addSecurityRules", {"securityRules": [_rule(inputs)]}, context)
        rule = made["securityRules"][0]
        return rule["id"], self.seen(rule, inputs)

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        api = oci_api.of(context)
        group = f"/networkSecurityGroups/{state['networkSecurityGroupId']}"
        if api.call(NETWORK, "GET", group) is None:
            return None
        for rule in api.list(NETWORK, f"{group}/securityRules", {}):
            if rule["id"] == identity:
                return self.seen(rule, values.plain(state))
        return None

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        # an update replaces the whole rule, so other values are sent as they are
        others = {name: value for name, value in state.items() if name not in self.cleared}
        wanted = {
            k: v for k, v in {**others, **inputs}.items() if k in self.required | self.optional
        }
        rule = {"id": identity, **_rule(wanted)}
        made = self._act(inputs, "updateSecurityRules", {"securityRules": [rule]}, context)
        return self.seen(made["securityRules"][0], inputs)

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        if self.read(identity, state, context) is not None:
            self._act(state, "removeSecurityRules", {"securityRuleIds": [identity]}, context)

    @staticmethod
    def _act(rule: Properties, action: str, body: Properties, context: Context) -> Properties:
        path = f"/networkSecurityGroups/{rule['networkSecurityGroupId']}/actions/{action}"
        return dict(oci_api.of(context).call(NETWORK, "POST", path, body=body))


def _rule(inputs: Properties) -> Properties:
    return dict(outbound({k: v for k, v in inputs.items() if k != "networkSecurityGroupId"}))
