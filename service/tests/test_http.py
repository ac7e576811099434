"""Every request gets an answer in the single error format, and no request breaks the service."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import Server
from users import User

IN_JSON = {"Content-Type": "application/json"}
ROUTES = ["/v1/auth/register", "/v1/auth/login"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


# Half of a surrogate pair: valid in JSON, invalid in UTF-8.
HALF = "\ud800" * 10
HALVES = {
    "/v1/auth/login": {"email": "ada@example.test", "password": HALF},
    "/v1/auth/register": {"email": "ada@example.test", "password": HALF},
    "/v1/auth/password/reset": {"token": "a-token", "password": HALF},
    "/v1/auth/password/change": {"current_password": HALF, "new_password": HALF},
    "/v1/auth/login/second-factor": {"challenge": "a-challenge", "code": HALF},
    "/v1/me/totp/confirm": {"code": HALF},
    "/v1/me/totp/disable": {"password": HALF},
}


def is_problem(answer: httpx.Response) -> bool:
    document = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and document["status"] == answer.status_code
        and bool(document["code"])
        and bool(document["title"])
    )


@pytest.mark.parametrize("route", HALVES)
def test_a_secret_that_is_no_text_is_refused_as_a_problem(client: httpx.Client, route: str) -> None:
    ada = User.signed_in(client)

    answer = client.post(route, content=json.dumps(HALVES[route]), headers=ada.bearer | IN_JSON)

    assert answer.json()["code"] == "invalid_request"
    assert is_problem(answer)


@pytest.mark.parametrize("route", ROUTES)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_body_of_any_kind_is_refused_as_a_problem(
    client: httpx.Client, route: str, body: bytes
) -> None:
    answer = client.post(route, content=body, headers={"content-type": "application/json"})

    assert answer.status_code in {400, 422}, answer.text
    assert is_problem(answer)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(token=st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), min_size=1))
def test_a_header_of_any_kind_is_refused_as_a_problem(client: httpx.Client, token: str) -> None:
    answer = client.get("/v1/me", headers={b"authorization": b"Bearer " + token.encode("latin-1")})

    # 400: the HTTP server itself refuses an invalid header
    assert answer.status_code in {400, 401}
    assert answer.status_code == 400 or is_problem(answer)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/auth/login", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/%00/%ff", 404),
    ],
)
def test_an_unknown_route_is_a_problem(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == status
    assert is_problem(answer)


def test_a_slash_too_many_redirects_no_password_to_the_requests_host(
    client: httpx.Client,
) -> None:
    answer = client.post("/v1/auth/login/", json={}, headers={"Host": "evil.test"})

    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize("path", ["/sign-in", "/oauth2/authorize", "/oauth2/logout", "/account"])
def test_an_invalid_host_is_no_internal_error(client: httpx.Client, path: str) -> None:
    assert client.get(path, headers={"Host": "["}).status_code < 500


def test_a_body_with_too_large_a_declared_length_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/auth/login", content=b"x" * 20_000)

    assert answer.status_code == 413
    assert is_problem(answer)


def test_a_body_that_turns_out_too_large_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/auth/login", content=(b"x" * 1000 for _ in range(20)))

    assert answer.status_code == 413


def test_each_answer_names_its_request(client: httpx.Client) -> None:
    named = client.get("/healthz", headers={"X-Request-Id": "my-request-1"})
    generated = [client.get("/healthz").headers["x-request-id"] for _ in range(2)]

    assert named.headers["x-request-id"] == "my-request-1"
    assert generated[0] != generated[1]


def test_a_request_id_that_could_forge_a_log_line_is_replaced(client: httpx.Client) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": 'x", "level": "error'})

    assert '"' not in answer.headers["x-request-id"]


def test_version_names_the_built_revision(own_server: Server) -> None:
    own_server.settings = {"AUTH_REVISION": "abc1234", "AUTH_REVISION_TIME": "2026-01-01T00:00:00Z"}
    own_server.start()

    assert httpx.get(f"{own_server.url}/version").json() == {
        "revision": "abc1234",
        "revision_time": "2026-01-01T00:00:00Z",
    }


def test_every_log_line_is_json_and_holds_no_secret(own_server: Server) -> None:
    own_server.start()
    credentials = {"email": "ada@example.test", "password": "hunter2 hunter2"}
    httpx.post(f"{own_server.url}/v1/auth/register", json=credentials)
    token = httpx.post(f"{own_server.url}/v1/auth/login", json=credentials).json()["access_token"]
    httpx.get(f"{own_server.url}/v1/me?token={token}", headers={"Authorization": f"Bearer {token}"})
    own_server.stop()

    lines = [json.loads(line) for line in own_server.log.splitlines()]
    assert {line["path"] for line in lines if "path" in line} >= {"/v1/auth/login", "/v1/me"}
    assert "hunter2" not in own_server.log
    assert token not in own_server.log
    assert "ada@example.test" not in own_server.log
