"""Stand-ins decide on each change as the official plugins did, and take over from them.

With PLUGINS=official the same tests run on the official plugins that `make tools` got, with
OFFICIAL_PLUGINS=DIR on the plugins in DIR.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import clients
from standins import values
from tests.contract import decisions, plug, stack
from tests.contract.changes import TOKENS, Row
from tests.contract.plug import Plug
from tests.contract.stack import Stack
from tests.localcloud.caller import Caller, eventually
from tests.localcloud.cluster import with_program
from toolchain import plugins

OFFICIAL = plugins.asked_for(os.environ)


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contract")
    stack.write_context(folder)
    return folder


@pytest.fixture(scope="module")
def plugs(cloud: Caller, working: Path) -> Iterator[dict[str, Plug]]:
    overrides = clients.overrides(cloud.home.endpoint)
    with plug.running(OFFICIAL, plug.credentials(cloud), overrides, working) as running:
        yield running


@pytest.fixture(scope="module")
def made(plugs: dict[str, Plug], cloud: Caller) -> Iterator[Stack]:
    with_program(cloud.home)
    with stack.made(plugs, cloud) as resources:
        yield resources


@pytest.mark.parametrize("row", decisions.ROWS, ids=str)
def test_a_change_is_decided_as_by_the_official_plugin(made: Stack, row: Row) -> None:
    decision = decisions.decided(made, row)

    if OFFICIAL is None and str(row) in decisions.REFUSED:
        assert "is not modelled by the stand-in" in decision["refusal"]
    else:
        assert decision == decisions.expected(row)


@pytest.mark.parametrize("name", TOKENS)
def test_a_resource_that_is_read_again_is_as_it_was_made(made: Stack, name: str) -> None:
    resource = made.made[name]
    read = made.plug(name).read(resource)

    assert read is not None
    # these come after the resource was made: an address, the rule of a budget, a volume's policy
    before, after = (
        {
            key: value
            for key, value in values.plain(outputs).items()
            if key not in {"publicIp", "alertRuleCount", "backupPolicyId"}
        }
        for outputs in (resource.outputs, read.outputs)
    )
    assert {k: v for k, v in after.items() if v not in (None, [])} == {
        k: v for k, v in before.items() if v not in (None, [])
    }
    assert made.plug(name).decide(read, made.wanted[name]).action == "none"


@pytest.mark.parametrize("name", TOKENS)
def test_outputs_have_the_names_and_kinds_of_the_official_plugins(made: Stack, name: str) -> None:
    official, _ = decisions.recorded_resources()[name]

    assert shape(made.made[name].outputs) == shape(official.outputs)


def test_an_instance_that_somebody_stopped_is_a_difference_and_is_started(
    made: Stack, cloud: Caller
) -> None:
    resource, plugin = made.made["Instance"], made.plug("Instance")

    def state() -> str:
        return str(cloud.compute.get_instance(resource.identity).data.lifecycle_state)

    cloud.compute.instance_action(resource.identity, "STOP")
    eventually("the instance", state, "STOPPED")
    stopped = plugin.read(resource)

    assert stopped is not None
    assert plugin.decide(stopped, made.wanted["Instance"]).properties == {"state": "UPDATE"}
    started = plugin.update(stopped, made.wanted["Instance"])
    assert (started.outputs["state"], state()) == ("RUNNING", "RUNNING")


@pytest.mark.skipif(OFFICIAL is None, reason="takes the official plugins: PLUGINS=official")
def test_each_kind_takes_over_from_the_other_without_a_difference(
    made: Stack, working: Path, cloud: Caller
) -> None:
    overrides = clients.overrides(cloud.home.endpoint)
    with plug.running(None, plug.credentials(cloud), overrides, working) as standins:
        other = Stack(standins, cloud)
        for name, resource in made.made.items():
            official, standin = made.plug(name), other.plug(name)
            assert standin.decide(resource, made.wanted[name]).action == "none", name
            read = standin.read(resource)
            assert read is not None, name
            assert official.decide(read, made.wanted[name]).properties == {}, name
            again = official.read(read)
            assert again is not None, name
            assert standin.decide(again, made.wanted[name]).action == "none", name


def shape(value: object) -> object:
    """Return the names and types of a property's parts; without empty parts."""
    if isinstance(value, dict):
        parts = {key: shape(part) for key, part in values.plain(value).items()}
        return {key: part for key, part in parts.items() if part not in (None, {})}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]] or None
    return None if value is None else type(value).__name__
