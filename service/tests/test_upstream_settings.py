"""The configuration of upstreams: what is refused before the service starts."""

import json
from typing import Any

import pytest
from auth.settings import Settings, problems, secret_names
from running import ISSUER, make_key

STAFF = {
    "id": "staff",
    "name": "Staff",
    "issuer": "https://login.example.test/realms/staff",
    "client_id": "auth",
}
_KEY = make_key()


def settings(upstreams: Any, secrets: Any, **more: str) -> dict[str, str]:
    return {
        "AUTH_SIGNING_KEY": _KEY,
        "AUTH_ISSUER": ISSUER,
        "AUTH_UPSTREAMS": json.dumps(upstreams),
        "AUTH_UPSTREAM_SECRETS": json.dumps(secrets),
        **more,
    }


def test_an_upstream_is_read_with_its_secret_apart() -> None:
    read = Settings.from_environment(settings([STAFF], {"staff": "s3cret-of-ours"}))

    assert [upstream.issuer for upstream in read.upstreams] == [STAFF["issuer"]]
    assert read.upstream_secrets == {"staff": "s3cret-of-ours"}
    assert "s3cret-of-ours" not in repr(read)
    assert "AUTH_UPSTREAM_SECRETS" in secret_names()
    assert "AUTH_UPSTREAMS" not in secret_names()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"issuer": "http://login.example.test"}, "AUTH_UPSTREAMS[0].issuer: must be https"),
        ({"issuer": "http://127.0.0.1:8000"}, "AUTH_UPSTREAMS[0].issuer: must be https"),
        ({"issuer": "file:///etc/passwd"}, "AUTH_UPSTREAMS[0].issuer: must be https"),
        ({"issuer": "https://a.test/#x"}, "AUTH_UPSTREAMS[0].issuer: must be a URL without"),
        ({"issuer": "https://u@a.test"}, "AUTH_UPSTREAMS[0].issuer: must be a URL without"),
        ({"issuer": "https://a.test/?x=1"}, "AUTH_UPSTREAMS[0].issuer: must have no query"),
        ({"id": "Staff/1"}, "AUTH_UPSTREAMS[0].id: "),
        ({"name": " "}, "AUTH_UPSTREAMS[0].name: "),
        ({"secret": "x"}, "AUTH_UPSTREAMS[0].secret: Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_a_wrong_upstream_is_refused_with_its_key(change: dict[str, str], problem: str) -> None:
    found = problems(settings([STAFF | change], {"staff": "s3cret-of-ours"}))

    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("other", "key"),
    [({"id": "other"}, "issuer"), ({"issuer": "https://login.example.test/other"}, "id")],
)
def test_the_same_issuer_or_id_twice_is_refused(other: dict[str, str], key: str) -> None:
    """An identity belongs to its issuer: a second entry would be the same upstream."""
    twice = [STAFF, STAFF | other]
    secrets = {str(each["id"]): "s3cret-of-ours" for each in twice}

    assert problems(settings(twice, secrets)) == [f"AUTH_UPSTREAMS[1].{key} occurs twice"]


@pytest.mark.parametrize(
    ("secrets", "problem"),
    [
        ({}, "AUTH_UPSTREAM_SECRETS has no secret of staff, which is in AUTH_UPSTREAMS."),
        ({"staff": "s", "x": "s"}, "AUTH_UPSTREAM_SECRETS has a secret of x, which is not in"),
        ({"staff": ""}, "AUTH_UPSTREAM_SECRETS must be a JSON object"),
        (["s3cret-of-ours"], "AUTH_UPSTREAM_SECRETS must be a JSON object"),
        ({"staff": "change-me"}, "AUTH_UPSTREAM_SECRETS has a placeholder as a secret."),
    ],
    ids=str,
)
def test_wrong_secrets_are_refused_without_being_shown(secrets: Any, problem: str) -> None:
    found = problems(settings([STAFF], secrets))

    assert len(found) == 1
    assert found[0].startswith(problem)
    assert "s3cret" not in found[0]


def test_secrets_in_a_file_are_not_missed_before_the_start() -> None:
    values = settings([STAFF], {})
    del values["AUTH_UPSTREAM_SECRETS"]

    assert problems({**values, "AUTH_UPSTREAM_SECRETS_FILE": "/run/secrets/upstreams"}) == []


def test_plain_http_on_loopback_is_for_development() -> None:
    local = STAFF | {"issuer": "http://localhost:9000"}
    values = settings([local], {"staff": "s3cret-of-ours"}, AUTH_ENVIRONMENT="development")

    assert problems(values) == []
