"""The limits that a first VM needs, and the refusal of limits that are too low."""

from dataclasses import dataclass
from typing import Any

import oci
import pytest

from stack import limits
from tests.unit.examples import SCHEMA


def of(shape: str) -> dict[str, int]:
    wanted = limits.needs(shape=shape, ocpus=2, memory_in_gbs=12, disks_in_gbs=100, domain="AD-1")
    return {f"{need.limit} {need.domain}".strip(): need.quantity for need in wanted}


def test_an_ampere_vm_needs_limits_of_the_domain_and_of_the_region() -> None:
    assert of("VM.Standard.A1.Flex") == {
        "standard-a1-core-count AD-1": 2,
        "standard-a1-memory-count AD-1": 12,
        "standard-a1-core-regional-count": 2,
        "standard-a1-memory-regional-count": 12,
        "total-storage-gb AD-1": 100,
    }


def test_other_shapes_need_limits_of_the_domain() -> None:
    assert of("VM.Standard.E5.Flex") == {
        "standard-e5-core-count AD-1": 2,
        "standard-e5-memory-count AD-1": 12,
        "total-storage-gb AD-1": 100,
    }
    assert of("VM.Standard.E2.1.Micro")["vm-standard-e2-1-micro-count AD-1"] == 1


def test_of_an_unknown_shape_only_the_disks_are_checked() -> None:
    assert of("BM.Unheard.9") == {"total-storage-gb AD-1": 100}


@pytest.mark.parametrize(("volume", "disks"), [(False, 110), (True, 50)])
def test_a_data_volume_that_exists_needs_nothing_more(volume: bool, disks: int) -> None:
    values = {"auth:dataVolumeInGbs": "60", "auth:ocpus": "many"}
    wanted = limits.of_configuration(values, SCHEMA, domain="AD-1", volume=volume)

    assert {need.limit: need.quantity for need in wanted}["total-storage-gb"] == disks


def test_a_refusal_names_each_limit_with_its_rest_and_the_ways_out() -> None:
    need = limits.Need(service="compute", limit="cores", quantity=2, domain="AD-1")
    text = limits.refusal("dev", [limits.lack(need, 1.0)])

    assert "compute cores in AD-1: 2 needed, 1 available" in text
    assert "nothing was made" in text
    assert "auth:ocpus" in text
    assert "Quotas" in text


@dataclass(frozen=True)
class Failing:
    """A client whose question fails."""

    error: Exception

    def get_resource_availability(self, *_: str, **__: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            oci.exceptions.ServiceError(404, "NotAuthorizedOrNotFound", {}, "not found"),
            "NotAuthorizedOrNotFound",
        ),
        (oci.exceptions.RequestException("reset"), "RequestException"),
        (oci.exceptions.ConnectTimeout("no route"), "ConnectTimeout"),
    ],
    ids=["no right", "no answer", "no connection"],
)
def test_a_user_who_can_not_ask_is_not_stopped(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    reason: str,
) -> None:
    monkeypatch.setattr(limits, "open_client", lambda *_, **__: Failing(error))
    need = limits.Need(service="compute", limit="cores", quantity=2)

    stack: Any = None
    limits.check(stack, [need], compartment="compartment")

    assert f"cores ({reason})" in capsys.readouterr().out
