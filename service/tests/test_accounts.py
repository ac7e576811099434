import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from running import Server
from users import PASSWORD, User


def credentials(email: str = "", password: str = PASSWORD) -> dict[str, str]:
    return {"email": email or f"{uuid.uuid4().hex}@example.test", "password": password}


def register(client: httpx.Client, account: dict[str, str]) -> httpx.Response:
    return client.post("/v1/auth/register", json=account)


def test_a_registered_account_logs_in_and_reads_itself(client: httpx.Client) -> None:
    account = credentials()
    made = register(client, account)
    token = client.post("/v1/auth/login", json=account).json()

    me = client.get("/v1/me", headers={"Authorization": f"Bearer {token['access_token']}"})

    assert made.status_code == 201
    assert token["token_type"] == "Bearer"
    assert me.json() == made.json()
    assert me.json()["email"] == account["email"]


def test_no_answer_holds_the_password_or_its_hash(client: httpx.Client) -> None:
    account = credentials()

    answers = register(client, account).text + client.post("/v1/auth/login", json=account).text

    assert PASSWORD not in answers
    assert "argon2" not in answers


def test_a_taken_address_looks_like_a_free_address(client: httpx.Client) -> None:
    ada = User.registered(client)

    again = register(client, credentials(ada.email.upper(), "an attacker's password"))
    free = register(client, credentials())

    assert again.status_code == free.status_code == 201
    assert again.json().keys() == free.json().keys()
    assert again.json()["email"] == ada.email
    assert set(again.headers) == set(free.headers)


def test_registering_a_taken_address_only_mails_its_owner(
    client: httpx.Client,
) -> None:
    ada = User.registered(client)

    register(client, credentials(ada.email, "an attacker's password"))

    assert ada.mailed("You have an account already")
    assert ada.can_sign_in()
    ada.password = "an attacker's password"
    assert not ada.can_sign_in()


def test_a_taken_address_is_refused_if_the_settings_allow(own_server: Server) -> None:
    own_server.settings = {"AUTH_REVEAL_REGISTERED": "true"}
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        account = credentials("Grace@Example.test")
        assert register(client, account).status_code == 201
        again = register(client, credentials("grace@example.TEST"))

    assert again.status_code == 409
    assert again.json()["code"] == "email_taken"


def test_one_address_registered_many_times_at_once_is_one_account(client: httpx.Client) -> None:
    account = credentials()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: register(client, account), range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert client.post("/v1/auth/login", json=account).status_code == 200


def test_a_name_can_be_set_and_taken_away(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    named = client.patch("/v1/me", headers=ada.bearer, json={"name": " Ada Lovelace "})
    unnamed = client.patch("/v1/me", headers=ada.bearer, json={"name": None})

    assert named.json()["name"] == "Ada Lovelace"
    assert unnamed.json()["name"] is None


@pytest.mark.parametrize("field", ["role", "id", "email_verified", "password", "disabled_at"])
def test_no_user_changes_a_protected_field(client: httpx.Client, field: str) -> None:
    ada = User.signed_in(client)

    answer = client.patch("/v1/me", headers=ada.bearer, json={field: "admin"})

    assert answer.status_code == 422
    assert ada.get("/v1/me").json()["role"] == "user"


def test_a_deleted_account_is_gone_and_its_address_free(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    assert client.delete("/v1/me", headers=ada.bearer).status_code == 204
    assert ada.get("/v1/me").status_code == 401
    assert ada.refresh().status_code == 401
    assert not ada.can_sign_in()
    assert register(client, ada.credentials).status_code == 201
    assert ada.can_sign_in()


def test_deleting_takes_a_recent_login(server: Server, client: httpx.Client) -> None:
    ada = User.signed_in(client)
    server.execute(
        f"UPDATE sessions SET authenticated_at = authenticated_at - 900 WHERE id = '{ada.session}'"  # noqa: S608
    )
    late = client.delete("/v1/me", headers=ada.bearer)
    ada.tokens = ada.refresh().json()
    refreshed = client.delete("/v1/me", headers=ada.bearer)
    ada.sign_in()
    recent = client.delete("/v1/me", headers=ada.bearer)

    assert late.json()["code"] == "reauthentication_required"
    assert refreshed.status_code == 403, "a refresh is no login"
    assert recent.status_code == 204


def test_login_takes_the_address_in_any_case(client: httpx.Client) -> None:
    register(client, credentials("Mixed@Example.test"))

    answer = client.post("/v1/auth/login", json=credentials("mixed@example.test"))

    assert answer.status_code == 200


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(
    client: httpx.Client,
) -> None:
    account = credentials()
    register(client, account)

    wrong = client.post("/v1/auth/login", json={**account, "password": "another password"})
    unknown = client.post("/v1/auth/login", json=credentials())

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert set(wrong.headers) == set(unknown.headers)


@pytest.mark.parametrize("length", [8, 128])
def test_passwords_from_8_to_128_characters_are_accepted(client: httpx.Client, length: int) -> None:
    account = credentials(password=("über" * 32)[:length])

    assert register(client, account).status_code == 201
    assert client.post("/v1/auth/login", json=account).status_code == 200


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
def test_an_invalid_address_is_refused(client: httpx.Client, email: str) -> None:
    answer = register(client, {"email": email, "password": PASSWORD})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "body.email"
