"""The settings of the reporter, on a recording engine and as the server reads them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.metrics import Metrics, MetricsArgs, MetricsKey
from host.auth_release.documents import read
from host.auth_release.reporter import Reporter
from localcloud.state.account import REPORTED_NAMESPACE
from tests.unit.conftest import Program, Recording, plain
from tests.unit.examples import API_KEY
from tests.unit.test_components import make_release, make_server, settings

Up = Callable[[Program], Recording]


def command(up: Up, key: MetricsKey) -> dict[str, Any]:
    def program() -> None:
        server = make_server()
        Metrics(
            "auth",
            MetricsArgs(
                server=server,
                release=make_release(server=server),
                compartment_id="compartment",
                key=key,
            ),
        )

    recorded = up(program)
    assert "auth-release" in recorded.awaited["auth-metrics"], "it is measured"
    return recorded["auth-metrics"]


def test_the_server_reads_the_settings_and_the_key_is_nowhere_but_on_stdin(up: Up) -> None:
    inputs = command(up, settings().metrics_key)
    document = json.loads(str(plain(inputs.pop("stdin"))))

    reporter = read(Reporter, document, strict=True)

    assert reporter.endpoint == "https://telemetry-ingestion.eu-madrid-1.oraclecloud.com"
    assert reporter.dimensions == {"stack": "test", "server": "auth"}
    assert reporter.namespace == REPORTED_NAMESPACE
    assert reporter.private_key == API_KEY
    assert API_KEY.splitlines()[1] not in str(inputs)


@pytest.mark.parametrize("key", [{}, {"metricsUserOcid": "", "metricsPrivateKey": ""}])
def test_without_a_user_the_server_is_asked_to_report_nothing(up: Up, key: dict[str, str]) -> None:
    chosen = settings(**key).metrics_key if key else MetricsKey()
    document = json.loads(str(plain(command(up, chosen)["stdin"])))

    assert read(Reporter, document, strict=True).endpoint == ""
