"""The Secrets that no release needs, from the objects that the API of a cluster answers with."""

from typing import Any

import pytest

from components import former_secrets


def secrets(*names: str) -> list[Any]:
    return [{"metadata": {"name": name}} for name in names]


def replica_set(*names: str) -> Any:
    volumes = [{"name": "data", "emptyDir": {}}]
    volumes += [{"name": "secrets", "secret": {"secretName": name}} for name in names]
    return {"spec": {"template": {"spec": {"volumes": volumes}}}}


def test_a_secret_is_deleted_when_the_last_release_that_needs_it_is_gone() -> None:
    there = secrets("auth-0a1b2c3d", "auth-11111111", "auth-22222222")
    kept = [replica_set("auth-11111111"), replica_set("auth-22222222")]

    assert former_secrets.unused("auth", there, kept) == ["auth-0a1b2c3d"]
    assert former_secrets.unused("auth", there, [*kept, replica_set("auth-0a1b2c3d")]) == []


@pytest.mark.parametrize(
    "name",
    ["registry", "tls-0a1b2c3d", "auth-mine", "auth-0a1b2c3d-copy", "auth-database-0a1b2c3d"],
)
def test_a_secret_that_is_none_of_a_release_stays(name: str) -> None:
    assert former_secrets.unused("auth", secrets(name), []) == []


def test_a_release_without_a_secret_needs_none() -> None:
    without: Any = {"spec": {"template": {"spec": {}}}}

    assert former_secrets.unused("auth", secrets("auth-0a1b2c3d"), [without]) == ["auth-0a1b2c3d"]
