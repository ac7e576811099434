"""The settings of the reporter, on a recording engine and as the server reads them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.clone import CLONE
from components.commands import HOST_FILES
from components.metrics import Metrics, MetricsArgs, MetricsKey, MetricsStore, official_store
from host.auth_release.documents import read
from host.auth_release.metrics_store import Store
from host.auth_release.monitoring import Log
from host.auth_release.reporter import Reporter
from localcloud.state.account import REPORTED_NAMESPACE
from tests.unit.conftest import Program, Recording, plain
from tests.unit.examples import API_KEY
from tests.unit.test_components import make_release, make_server, settings
from toolchain import victoria_metrics

Up = Callable[[Program], Recording]


def command(
    up: Up, key: MetricsKey, store: MetricsStore | None = None, log: Log | None = None
) -> dict[str, Any]:
    def program() -> None:
        server = make_server()
        Metrics(
            "auth",
            MetricsArgs(
                server=server,
                release=make_release(server=server),
                compartment_id="compartment",
                key=key,
                store=store,
                log=log,
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


def test_the_log_goes_to_the_ingestion_of_the_region(up: Up) -> None:
    inputs = command(up, settings().metrics_key, log=settings().log)
    document = json.loads(str(plain(inputs.pop("stdin"))))

    log = read(Reporter, document, strict=True).log

    assert log
    assert log.ocid == "ocid1.log.oc1.eu-madrid-1.aaaa"
    assert log.endpoint == "https://ingestion.logging.eu-madrid-1.oci.oraclecloud.com"
    assert settings(logOcid="").log is None


@pytest.mark.parametrize(
    "key", [{}, {"metricsUserOcid": "", "metricsPrivateKey": "", "logOcid": ""}]
)
def test_without_a_user_the_server_is_asked_to_report_nothing(up: Up, key: dict[str, str]) -> None:
    chosen = settings(**key).metrics_key if key else MetricsKey()
    document = json.loads(str(plain(command(up, chosen)["stdin"])))

    assert read(Reporter, document, strict=True).endpoint == ""


def stored(up: Up, **changes: str) -> Store | None:
    """Return the settings of the store as the server reads them, without Oracle Monitoring."""
    chosen = settings(**changes).metrics_store
    document = json.loads(str(plain(command(up, MetricsKey(), chosen)["stdin"])))
    return read(Reporter, document, strict=True).store


def test_a_stack_keeps_metrics_by_the_official_image_unless_that_is_turned_off(up: Up) -> None:
    assert stored(up) == Store(image=official_store())
    assert stored(up, dashboard="false") is None


def test_a_copy_of_the_image_in_the_own_registry_is_pulled_with_its_login(up: Up) -> None:
    image = f"ghcr.io/acme/victoria-metrics@sha256:{'0' * 64}"

    store = stored(up, dashboardImage=image)

    assert store == Store(image=image, username="acme", password="a-token-that-reads")


def test_both_worlds_have_the_same_version_of_the_store() -> None:
    """A pull request that raises one of the two raises the other as well."""
    version = victoria_metrics.version(CLONE)

    assert f":{version}@" in (HOST_FILES / "metrics-store" / "Dockerfile").read_text()
