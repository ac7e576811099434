"""Administrators' use of other accounts, and the refusal of everybody else."""

import httpx
import pytest
from running import Server
from users import User


@pytest.fixture(name="admin")
def _admin(server: Server, client: httpx.Client) -> User:
    user = User.signed_in(client)
    server.execute(f"UPDATE accounts SET role = 'admin' WHERE email = '{user.email}'")  # noqa: S608
    return user


def identity(user: User) -> str:
    return str(user.get("/v1/me").json()["id"])


@pytest.mark.parametrize("path", ["", "/" + "0" * 32, "/" + "0" * 32 + "/disable"])
def test_other_users_than_administrators_are_refused(client: httpx.Client, path: str) -> None:
    ada = User.signed_in(client)
    method = "POST" if path.endswith("disable") else "GET"

    answer = client.request(method, f"/v1/admin/users{path}", headers=ada.bearer)
    nobody = client.request(method, f"/v1/admin/users{path}")

    assert answer.json()["code"] == "forbidden"
    assert nobody.json()["code"] == "invalid_token"


def test_every_account_is_listed_once_over_all_pages(admin: User) -> None:
    made = {User.registered(admin.client).email for _ in range(7)}
    listed: list[str] = []
    path = "/v1/admin/users?limit=3"
    while True:
        page = admin.get(path).json()
        listed += [user["email"] for user in page["users"]]
        if page["next"] is None:
            break
        path = f"/v1/admin/users?limit=3&after={page['next']}"

    assert made <= set(listed)
    assert len(listed) == len(set(listed))


def test_accounts_are_found_by_a_part_of_their_address(admin: User) -> None:
    ada = User.registered(admin.client)

    matching = admin.get(f"/v1/admin/users?email={ada.email[3:20].upper()}").json()["users"]
    unmatched = admin.get("/v1/admin/users?email=%25").json()["users"]

    assert [user["email"] for user in matching] == [ada.email]
    assert unmatched == [], "a wildcard of the database works"


def test_a_disabled_account_is_out_at_once_and_in_again_when_enabled(admin: User) -> None:
    ada = User.signed_in(admin.client)
    path = f"/v1/admin/users/{identity(ada)}"

    disabled = admin.post(f"{path}/disable").json()
    refused = ada.client.post("/v1/auth/login", json=ada.credentials)
    guess = ada.client.post("/v1/auth/login", json={**ada.credentials, "password": "a guess"})

    assert disabled["disabled_at"] is not None
    assert ada.get("/v1/me").status_code == ada.refresh().status_code == 401
    assert refused.json()["code"] == "account_disabled"
    assert guess.json()["code"] == "invalid_credentials", "it reveals the account"
    assert admin.post(f"{path}/enable").json()["disabled_at"] is None
    assert ada.can_sign_in()


def test_a_disabled_account_can_not_reset_its_password(admin: User) -> None:
    ada = User.signed_in(admin.client)
    ada.client.post("/v1/auth/password/forgot", json={"email": ada.email})
    token = ada.token_mailed("Set a new password")
    admin.post(f"/v1/admin/users/{identity(ada)}/disable")

    body = {"token": token, "password": "another horse battery"}
    assert ada.client.post("/v1/auth/password/reset", json=body).status_code == 400


def test_administrators_do_not_lock_themselves_out(admin: User) -> None:
    answer = admin.post(f"/v1/admin/users/{identity(admin)}/disable")

    assert answer.status_code == 409
    assert admin.get("/v1/me").status_code == 200


def test_an_unknown_account_is_not_found(admin: User) -> None:
    assert admin.get(f"/v1/admin/users/{'0' * 32}").status_code == 404
    assert admin.post(f"/v1/admin/users/{'0' * 32}/enable").status_code == 404


@pytest.mark.parametrize("step", ["disable", "enable"])
def test_disabling_and_enabling_take_a_recent_login(server: Server, admin: User, step: str) -> None:
    ada = User.registered(admin.client)
    ada.sign_in()
    path = f"/v1/admin/users/{identity(ada)}"
    server.execute("UPDATE sessions SET authenticated_at = authenticated_at - 100000")

    answer = admin.post(f"{path}/{step}")

    assert answer.json()["code"] == "reauthentication_required"
    assert ada.can_sign_in()
