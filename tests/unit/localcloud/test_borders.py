"""Borders inside the emulator: which part may import which."""

import grimp
import pytest
from grimp import Layer

# From the top down: a part imports only parts below it. Parts in one line never import each other.
LAYERS = (
    ("__main__",),
    ("server", "coverage"),
    ("api.app",),
    ("api.control", "api.s3", "lifecycle", "rounds"),
    ("discovery",),
    ("services",),
    ("service",),
    ("api.operation",),
    ("api.paging",),
    ("resources",),
    ("cloud",),
    ("api.signature", "api.signature_v4", "faults", "machines"),
    ("state",),
    ("api.wire",),
    ("api.errors", "certificates", "clients", "code", "host", "ocids"),
)


@pytest.fixture(name="graph", scope="module")
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("localcloud", cache_dir=None)


def test_every_part_of_the_emulator_has_a_layer(graph: grimp.ImportGraph) -> None:
    parts = graph.find_children("localcloud") - {"localcloud.api"}
    parts |= graph.find_children("localcloud.api")
    assert parts == {f"localcloud.{part}" for layer in LAYERS for part in layer}


def test_no_part_of_the_emulator_imports_a_higher_layer(graph: grimp.ImportGraph) -> None:
    layers = [Layer(*(f"localcloud.{part}" for part in layer)) for layer in LAYERS]
    illegal = graph.find_illegal_dependencies_for_layers(layers=layers)
    assert {(dependency.importer, dependency.imported) for dependency in illegal} == set()


def test_no_service_needs_core_services(graph: grimp.ImportGraph) -> None:
    core = "localcloud.services.core"
    in_a_subnet = {
        f"localcloud.services.{name}" for name in ("container_engine", "load_balancer", "psql")
    }
    others = graph.find_children("localcloud.services") - {core, *in_a_subnet}
    needing = {other for other in others if graph.chain_exists(other, core, as_packages=True)}
    assert needing == set(), "a service without machines works without Core Services"
