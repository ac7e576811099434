"""The provider protocol, on a plugin with a single resource."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from common import property_values
from standins import values
from standins.provider import Plugin
from standins.resource import Context, ProviderError, UnfinishedError
from standins.values import Properties
from tests.unit.standins.engine import Log, plugged, urn

JAR = urn("test:index:Jar")


@dataclass
class Jar:
    """Holds jam; `glass` can't be changed, nobody minds the `label`."""

    kept: dict[str, Properties] = field(default_factory=dict)
    required = frozenset({"jam"})
    optional = frozenset({"glass", "label", "lid"})
    computed = frozenset({"weight"})
    secrets = ("label.code", "label")

    def prepare(self, inputs: Properties) -> Properties:
        if inputs["jam"] == "stones":
            raise ProviderError("jam is 'stones'; it must be fruit")
        return {"lid": "screwed", **inputs}

    def differences(
        self, state: Properties, old: Properties, new: Properties, ignored: tuple[str, ...]
    ) -> dict[str, str]:
        del state
        kinds = {k: v for k, v in values.top_level(old, new).items() if k not in ignored}
        return {k: f"{v}_REPLACE" if k == "glass" else v for k, v in kinds.items()}

    def foreseen(self, state: Properties, old: Properties, new: Properties) -> Properties:
        del old
        if new["jam"] == "petrified":
            raise ProviderError("jam is 'petrified'; no change makes it so")
        return {**state, **new, "weight": property_values.UNKNOWN}

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        context.log("cooking")
        if inputs["jam"] == "sour":
            raise ProviderError("too sour")
        if inputs["jam"] == "hot":
            raise UnfinishedError("still hot", "jar-1", {**inputs, "weight": 3})
        if inputs["jam"] == "branded":
            return "jar-1", {"weight": context.config["brand"]}
        if inputs["jam"] == "timed":
            return "jar-1", {"weight": context.timeout}
        if inputs["jam"] == "slow":
            context.cancelled.wait(10)
            raise ProviderError(f"cancelled: {context.cancelled.is_set()}")
        self.kept["jar-1"] = {**inputs, "weight": 3}
        return "jar-1", self.kept["jar-1"]

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        del state, context
        return self.kept.get(identity)

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        del context
        self.kept[identity] = {**inputs, "weight": state["weight"] + 1}
        return self.kept[identity]

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        del state, context
        self.kept.pop(identity)


@pytest.fixture
def jar() -> Jar:
    return Jar()


@pytest.fixture
def plugin(jar: Jar) -> Iterator[tuple[Any, Log]]:
    # named like an official plugin, which has an SDK here and so a version
    with plugged(Plugin(name="docker", resources={"test:index:Jar": jar})) as pair:
        yield pair


@pytest.fixture
def stub(plugin: tuple[Any, Log]) -> Any:
    return plugin[0]


def check(stub: Any, **inputs: Any) -> Any:
    return stub.Check(provider_pb2.CheckRequest(urn=JAR, news=values.to_wire(inputs)))


def diff(stub: Any, old: Properties, new: Properties, *, ignored: tuple[str, ...] = ()) -> Any:
    wire = values.to_wire
    return stub.Diff(
        provider_pb2.DiffRequest(
            urn=JAR, old_inputs=wire(old), news=wire(new), ignoreChanges=ignored
        )
    )


def create(stub: Any, **inputs: Any) -> Any:
    return stub.Create(provider_pb2.CreateRequest(urn=JAR, properties=values.to_wire(inputs)))


def failure(call: Any, *arguments: Any, **inputs: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **inputs)
    return caught.value


def test_inputs_are_completed(stub: Any) -> None:
    answer = check(stub, jam="plum")

    assert not answer.failures
    assert values.from_wire(answer.inputs) == {"jam": "plum", "lid": "screwed"}


@pytest.mark.parametrize(
    ("inputs", "key", "reason"),
    [
        ({}, "jam", "jam is required"),
        ({"jam": "stones"}, "", "jam is 'stones'; it must be fruit"),
        ({"jam": "plum", "fork": 1}, "fork", "the property 'fork' is not modelled by the stand-in"),
    ],
)
def test_wrong_inputs_are_named_with_the_rule(
    stub: Any, inputs: Properties, key: str, reason: str
) -> None:
    (found,) = check(stub, **inputs).failures

    assert found.property == key
    assert found.reason.startswith(reason)


def test_what_is_not_modelled_is_refused_with_the_command_that_helps(stub: Any) -> None:
    unknown = provider_pb2.CheckRequest(urn=urn("test:index:Pot"))
    error: Any = failure(stub.Check, unknown)

    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error.details().startswith("the resource test:index:Pot is not modelled")
    assert "pulumi plugin install resource docker " in error.details()
    lost: Any = failure(stub.Invoke, provider_pb2.InvokeRequest(tok="test:index:getPot"))
    assert lost.details().startswith("the function test:index:getPot is not modelled")


def test_a_nested_type_is_found_by_its_last_part(stub: Any) -> None:
    nested = urn("auth:Shelf$test:index:Jar")
    answer = stub.Check(provider_pb2.CheckRequest(urn=nested, news=values.to_wire({"jam": "plum"})))

    assert not answer.failures


def test_a_difference_that_can_be_made_in_place_is_an_update(stub: Any) -> None:
    found = diff(stub, {"jam": "plum"}, {"jam": "cherry", "lid": "tight"})

    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(found.replaces) == []
    assert list(found.diffs) == ["jam", "lid"]


def test_a_difference_that_can_not_replaces(stub: Any) -> None:
    found = diff(stub, {"jam": "plum", "glass": "clear"}, {"jam": "plum", "glass": "brown"})

    assert list(found.replaces) == ["glass"]
    assert found.detailedDiff["glass"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE


def test_what_the_program_ignores_is_no_difference(stub: Any) -> None:
    old, new = {"jam": "plum", "lid": "tight"}, {"jam": "plum", "lid": "loose"}

    assert diff(stub, old, new).changes == provider_pb2.DiffResponse.DIFF_SOME
    ignoring = diff(stub, old, new, ignored=("lid",))
    assert ignoring.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_preview_makes_nothing_and_leaves_outputs_unknown(stub: Any, jar: Jar) -> None:
    request = provider_pb2.CreateRequest(
        urn=JAR, properties=values.to_wire({"jam": "plum"}), preview=True
    )
    foreseen = values.from_wire(stub.Create(request).properties)

    assert values.plain(foreseen) == {"jam": "plum", "weight": property_values.UNKNOWN}
    assert not jar.kept


def update(stub: Any, state: Properties, jam: str, *, preview: bool = False) -> Properties:
    return values.from_wire(
        stub.Update(
            provider_pb2.UpdateRequest(
                urn=JAR,
                id="jar-1",
                olds=values.to_wire(state),
                news=values.to_wire({"jam": jam}),
                preview=preview,
            )
        ).properties
    )


def test_a_preview_of_an_update_makes_unknown_what_the_resource_says(stub: Any, jar: Jar) -> None:
    foreseen = update(stub, {"jam": "plum", "lid": "tight", "weight": 3}, "cherry", preview=True)

    assert values.plain(foreseen) == {
        "jam": "cherry",
        "lid": "tight",
        "weight": property_values.UNKNOWN,
    }
    assert not jar.kept


def test_an_update_that_is_not_modelled_is_refused_in_a_preview(stub: Any) -> None:
    error: Any = failure(update, stub, {"jam": "plum"}, "petrified", preview=True)

    assert error.details() == "jam is 'petrified'; no change makes it so"


def test_outputs_tell_that_a_stand_in_wrote_them(stub: Any) -> None:
    made = values.from_wire(create(stub, jam="plum").properties)
    changed = update(stub, made, "cherry")

    assert made["__standin"] == "1"
    assert changed["__standin"] == "1"


def test_secrets_of_a_resource_are_marked_as_such(stub: Any) -> None:
    label = {"code": "1234", "colour": "red"}
    inputs = values.from_wire(check(stub, jam="plum", label=label).inputs)
    outputs = values.from_wire(create(stub, jam="plum", label=label).properties)

    for properties in (inputs, outputs):
        assert set(properties["label"]) == {"4dabf18193072939515e22adb298388d", "value"}
        assert set(properties["label"]["value"]["code"]) == set(properties["label"])
        assert values.plain(properties)["label"] == label


def test_what_an_official_plugin_keeps_for_itself_is_no_difference(stub: Any) -> None:
    old = {"__defaults": ["lid"], "jam": "plum", "label": {"__defaults": [], "colour": "red"}}

    found = diff(stub, old, {"jam": "plum", "label": {"colour": "red"}})
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_custom_timeout_reaches_the_resource(stub: Any) -> None:
    request = provider_pb2.CreateRequest(
        urn=JAR, properties=values.to_wire({"jam": "timed"}), timeout=90
    )

    assert values.from_wire(stub.Create(request).properties)["weight"] == 90


def test_another_configuration_is_an_update_of_the_provider(stub: Any) -> None:
    def changes(old: Properties, new: Properties) -> Any:
        return stub.DiffConfig(
            provider_pb2.DiffRequest(old_inputs=values.to_wire(old), news=values.to_wire(new))
        )

    changed = changes({"region": "here"}, {"region": "there"})
    assert (changed.changes, list(changed.diffs), list(changed.replaces)) == (
        provider_pb2.DiffResponse.DIFF_SOME,
        ["region"],
        [],
    )
    same = changes({"region": "here", "__meta": "1"}, {"region": "here"})
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_resource_lives_from_create_to_delete(plugin: tuple[Any, Log], jar: Jar) -> None:
    stub, log = plugin
    wire = values.to_wire
    made = create(stub, jam="plum")
    outputs = values.plain(values.from_wire(made.properties))
    assert (made.id, outputs) == ("jar-1", {"jam": "plum", "weight": 3})
    assert log.lines == [(JAR, "cooking", False)]

    changed = stub.Update(
        provider_pb2.UpdateRequest(
            urn=JAR, id=made.id, olds=made.properties, news=wire({"jam": "cherry"})
        )
    )
    assert values.plain(values.from_wire(changed.properties)) == {"jam": "cherry", "weight": 4}

    reading = provider_pb2.ReadRequest(
        urn=JAR, id=made.id, properties=made.properties, inputs=wire({"jam": "plum"})
    )
    seen = stub.Read(reading)
    assert values.from_wire(seen.inputs) == {"jam": "cherry"}

    stub.Delete(provider_pb2.DeleteRequest(urn=JAR, id=made.id, properties=changed.properties))
    assert not jar.kept
    assert not stub.Read(reading).id


def test_a_failure_is_told_as_it_is(stub: Any) -> None:
    error: Any = failure(create, stub, jam="sour")

    assert error.details() == "too sour"


def test_what_was_made_but_not_to_the_end_is_kept_in_the_state(stub: Any) -> None:
    error: Any = failure(create, stub, jam="hot")

    assert error.details() == "still hot"
    trailer = dict(error.trailing_metadata())["grpc-status-details-bin"]
    (detail,) = status_pb2.Status.FromString(trailer).details
    kept = provider_pb2.ErrorResourceInitFailed()
    assert detail.Unpack(kept)
    assert kept.id == "jar-1"
    assert values.plain(values.from_wire(kept.properties)) == {"jam": "hot", "weight": 3}
    assert list(kept.reasons) == ["still hot"]


def test_cancelling_reaches_what_waits(stub: Any) -> None:
    errors: list[Any] = []
    waiting = threading.Thread(target=lambda: errors.append(failure(create, stub, jam="slow")))
    waiting.start()
    stub.Cancel(empty_pb2.Empty())
    waiting.join(5)

    assert [error.details() for error in errors] == ["cancelled: True"]


def test_a_secret_of_the_configuration_reaches_the_resources_as_its_value(stub: Any) -> None:
    configuration = values.encrypted({"brand": "a key"}, ["brand"])
    stub.Configure(provider_pb2.ConfigureRequest(args=values.to_wire(configuration)))

    made = stub.Create(
        provider_pb2.CreateRequest(urn=JAR, properties=values.to_wire({"jam": "branded"}))
    )

    assert values.from_wire(made.properties)["weight"] == "a key"
