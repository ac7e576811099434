"""Stand-ins decide on official plugins' resources as these do; tests/localcloud has the rest."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from standins import command, docker, oci, values
from tests.contract import decisions, stack
from tests.contract.changes import TOKENS, Row
from tests.contract.plug import Plug
from tests.unit.standins.engine import plugged

PLUGINS = (oci.PLUGIN, docker.PLUGIN, command.PLUGIN)


class Recorded(stack.Stack):
    """The resources as the official plugins made them, before stand-ins."""

    def __init__(self, plugs: dict[str, Plug]) -> None:
        self._plugs = plugs
        resources = decisions.recorded_resources()
        self.made = {name: made for name, (made, _) in resources.items()}
        self.wanted = {name: wanted for name, (_, wanted) in resources.items()}


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contract")
    stack.write_context(folder)
    return folder


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    with ExitStack() as processes:
        stubs = {plug.name: processes.enter_context(plugged(plug))[0] for plug in PLUGINS}
        yield Recorded({name: Plug(stub) for name, stub in stubs.items()})


@pytest.mark.parametrize("row", decisions.ROWS, ids=str)
def test_a_change_is_decided_as_by_the_official_plugin(
    recorded: Recorded, row: Row, working: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(working)
    decision = decisions.decided(recorded, row)

    if str(row) in decisions.REFUSED:
        assert "is not modelled by the stand-in" in decision["refusal"]
    else:
        assert decision == decisions.expected(row)


def test_the_stand_ins_have_the_versions_that_were_recorded() -> None:
    assert {plug.name: plug.version for plug in PLUGINS} == decisions.recorded_versions()


def test_every_resource_that_a_stand_in_models_is_in_the_contract() -> None:
    modelled = {token for plug in PLUGINS for token in plug.resources}

    assert modelled == set(TOKENS.values())


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_each_optional_input_is_in_the_contract(plugin: Any) -> None:
    changed = {
        (TOKENS[row.resource], values.top(path)) for row in decisions.ROWS for path in row.set
    }
    for token, resource in plugin.resources.items():
        missing = {name for name in resource.optional if (token, name) not in changed}
        assert not missing, f"changes.py has no change of {missing} of {token}"
