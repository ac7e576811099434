import uuid

import httpx
import pytest

PASSWORD = "correct horse battery staple"


def credentials(email: str = "", password: str = PASSWORD) -> dict[str, str]:
    return {"email": email or f"{uuid.uuid4().hex}@example.test", "password": password}


def register(client: httpx.Client, given: dict[str, str]) -> httpx.Response:
    return client.post("/v1/auth/register", json=given)


def test_a_registered_account_logs_in_and_reads_itself(client: httpx.Client) -> None:
    given = credentials()
    made = register(client, given)
    token = client.post("/v1/auth/login", json=given).json()

    me = client.get("/v1/me", headers={"Authorization": f"Bearer {token['access_token']}"})

    assert made.status_code == 201
    assert token["token_type"] == "Bearer"
    assert me.json() == made.json()
    assert me.json()["email"] == given["email"]


def test_no_answer_holds_the_password_or_its_hash(client: httpx.Client) -> None:
    given = credentials()

    said = register(client, given).text + client.post("/v1/auth/login", json=given).text

    assert PASSWORD not in said
    assert "argon2" not in said


def test_the_same_address_in_another_case_is_taken(client: httpx.Client) -> None:
    given = credentials("Grace@Example.test")
    assert register(client, given).status_code == 201

    again = register(client, credentials("grace@example.TEST"))

    assert again.status_code == 409
    assert again.json()["code"] == "email_taken"


def test_login_takes_the_address_in_any_case(client: httpx.Client) -> None:
    register(client, credentials("Mixed@Example.test"))

    answer = client.post("/v1/auth/login", json=credentials("mixed@example.test"))

    assert answer.status_code == 200


def test_a_wrong_password_and_an_unknown_account_can_not_be_told_apart(
    client: httpx.Client,
) -> None:
    given = credentials()
    register(client, given)

    wrong = client.post("/v1/auth/login", json={**given, "password": "another password"})
    unknown = client.post("/v1/auth/login", json=credentials())

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert set(wrong.headers) == set(unknown.headers)


@pytest.mark.parametrize("length", [8, 128])
def test_passwords_from_8_to_128_characters_are_accepted(client: httpx.Client, length: int) -> None:
    given = credentials(password="ü" * length)

    assert register(client, given).status_code == 201
    assert client.post("/v1/auth/login", json=given).status_code == 200


@pytest.mark.parametrize("length", [0, 7, 129])
def test_passwords_of_other_lengths_are_refused_without_showing_them(
    client: httpx.Client, length: int
) -> None:
    answer = register(client, credentials(password="q" * length))

    assert answer.status_code == 422
    assert "qqq" not in answer.text


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.test", "a b@example.test", "a@b", "a\x00@b.test", "é"]
)
def test_what_is_no_address_is_refused(client: httpx.Client, email: str) -> None:
    answer = register(client, {"email": email, "password": PASSWORD})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "body.email"
