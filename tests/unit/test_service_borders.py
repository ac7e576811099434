"""Borders inside the Authentication Service: which part may import which."""

import grimp
import pytest
from grimp import Layer

# From the top down: a part imports only parts below it. Parts in one line never import each other.
LAYERS = (
    ("__main__",),
    ("commands",),
    (
        "user_commands",
        "move_command",
        "role_command",
    ),
    ("server",),
    ("app",),
    ("api", "oauth", "pages"),
    ("http",),
    ("accounts", "authorization"),
    ("sign_in",),
    ("service",),
    ("settings",),
    ("upstreams",),
    ("clients", "mail", "protection", "variables"),
    ("tokens",),
    ("crypto",),
    ("telemetry",),
    ("storage",),
    ("colors", "context", "email_addresses", "errors", "thread_pool"),
    ("languages",),
)


@pytest.fixture(name="graph", scope="module")
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("auth", cache_dir=None)


def test_every_part_of_the_service_has_a_layer(graph: grimp.ImportGraph) -> None:
    parts = {module.removeprefix("auth.") for module in graph.find_children("auth")}
    assert parts == {part for layer in LAYERS for part in layer}


def test_no_part_imports_a_higher_layer_and_no_face_another(graph: grimp.ImportGraph) -> None:
    illegal = graph.find_illegal_dependencies_for_layers(
        layers=[Layer(*layer, independent=True) for layer in LAYERS], containers={"auth"}
    )
    chains = [
        " -> ".join([*sorted(route.heads), *route.middle, *sorted(route.tails)])
        for dependency in illegal
        for route in dependency.routes
    ]
    assert not chains, "\n".join(["imports against the layers:", *sorted(chains)])
