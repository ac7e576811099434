"""An account belongs to the user who proves its address, and to nobody from before that proof."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from running import Server
from second_factor_users import SecondFactorUser
from users import User

NEW = "a brand new passphrase"
EVIL = "eve@evil.test"
# Together they keep a thread hashing for about a second.
_OTHERS = 100


def reset(ada: User, password: str = NEW) -> User:
    """Set a new password by mail; return the user with it."""
    ada.client.post("/v1/auth/password/forgot", json={"email": ada.email})
    body = {"token": ada.token_mailed("Set a new password"), "password": password}
    assert ada.client.post("/v1/auth/password/reset", json=body).status_code == 204
    return User(ada.client, ada.email, password)


def ask_for(ada: User, email: str) -> str:
    """Ask for another address; return the action token that is mailed there."""
    answer = ada.client.patch("/v1/me", headers=ada.bearer, json={"email": email})
    assert answer.status_code == 200, answer.text
    return ada.token_mailed("Confirm your new e-mail address", to=email)


def test_a_new_password_voids_a_change_of_address_that_is_under_way(client: httpx.Client) -> None:
    stolen = User.signed_in(client)
    token = ask_for(stolen, EVIL)

    ada = reset(stolen)

    answer = client.post("/v1/auth/verify-email", json={"token": token})
    assert answer.json()["code"] == "invalid_code"
    assert ada.can_sign_in()


def test_a_changed_password_voids_a_change_of_address_that_is_under_way(
    client: httpx.Client,
) -> None:
    ada = User.signed_in(client)
    token = ask_for(ada, f"1{EVIL}")

    ada.post("/v1/auth/password/change", current_password=ada.password, new_password=NEW)

    answer = client.post("/v1/auth/verify-email", json={"token": token})
    assert answer.json()["code"] == "invalid_code"


def test_a_reset_by_the_owner_removes_the_factors_of_the_first_registrant(
    client: httpx.Client,
) -> None:
    ada = reset(SecondFactorUser.enrolled(client))

    assert ada.can_sign_in(), "it asks for a factor that was added before the proof"
    ada.sign_in()
    left = ada.get("/v1/me/second-factor").json()
    assert (left["enabled"], left["recovery_codes_left"]) == (False, 0)


def test_a_reset_leaves_the_factors_of_a_proven_address(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    ada.prove_address()

    assert not reset(ada).can_sign_in(), "a mailbox alone is enough to sign in"


@pytest.mark.parametrize("password_line", ["", "a b c d e\n"], ids=["by-link", "by-password"])
def test_a_new_administrator_is_not_the_earlier_registrant_of_the_address(
    on_sqlite: Server, password_line: str
) -> None:
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        eve = SecondFactorUser.enrolled(client)
        options = ["--password-stdin"] if password_line else []

        made = on_sqlite.command("create-admin", eve.email, *options, stdin=password_line)

        assert made.returncode == 0, made.stderr
        assert eve.get("/v1/me").status_code == 401
        answer = client.post("/v1/auth/login", json=eve.credentials)
        assert answer.json()["code"] == "invalid_credentials"
        assert User(client, eve.email, "a b c d e").can_sign_in() is bool(password_line)
        assert ("/reset-password" in made.stdout) is not bool(password_line)


def test_an_account_that_proved_its_address_becomes_an_administrator_as_it_is(
    on_sqlite: Server,
) -> None:
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        ada = User.signed_in(client)
        ada.prove_address()

        on_sqlite.command("create-admin", ada.email)

        assert ada.get("/v1/me").json()["role"] == "admin"


def set_password(server: Server, ada: User) -> None:
    # as another process of the service does
    now = time.time()
    server.execute(
        f"UPDATE accounts SET password = 'x', password_changed_at = {now} "  # noqa: S608
        f"WHERE email = '{ada.email}'"
    )


def disable(server: Server, ada: User) -> None:
    server.execute(f"UPDATE accounts SET disabled_at = 1 WHERE email = '{ada.email}'")  # noqa: S608


def add_factor(_: Server, ada: SecondFactorUser) -> None:
    ada.enrol()


@pytest.mark.parametrize("change", [set_password, disable, add_factor])
def test_a_waiting_login_does_not_outlive_a_change_of_its_account(
    own_server: Server, change: Callable[[Server, SecondFactorUser], None]
) -> None:
    own_server.settings = {"AUTH_HASHING_WORKERS": "1", "AUTH_HASHING_QUEUE": str(_OTHERS + 1)}
    own_server.start()
    with (
        httpx.Client(base_url=own_server.url, timeout=30, limits=httpx.Limits()) as client,
        ThreadPoolExecutor(_OTHERS + 1) as pool,
    ):
        ada = SecondFactorUser.signed_in(client)
        others = [User(client) for _ in range(_OTHERS)]
        # their hashes come before hers, in order of arrival
        waiting = [pool.submit(other.can_sign_in) for other in others]
        time.sleep(0.2)
        login = pool.submit(client.post, "/v1/auth/login", json=ada.credentials)
        time.sleep(0.1)
        assert not login.done(), "nothing is waiting"
        change(own_server, ada)

        assert login.result().status_code in {401, 403}
        assert not any(other.result() for other in waiting)


@pytest.mark.parametrize(
    "email",
    [
        "eve@evil.test(.example.test",
        "eve:ada@example.test",
        '"ada@example.test',
        "ada(eve@example.test",
        "=?utf-8?q?eve=40evil.test=2C?=@example.test",
        "ada\\@example.test",
        "ada@[192.0.2.1]",
        "\u0130" * 200 + "@example.test",
    ],
)
def test_an_address_that_mail_programs_read_differently_is_refused(
    client: httpx.Client, email: str
) -> None:
    answer = client.post("/v1/auth/register", json={"email": email, "password": NEW})

    assert answer.status_code == 422, "its mail would go to another address than it shows"


def test_a_disabled_account_gets_no_other_address(server: Server, client: httpx.Client) -> None:
    ada = User.signed_in(client)
    token = ask_for(ada, f"2{EVIL}")
    server.execute(f"UPDATE accounts SET disabled_at = 1 WHERE email = '{ada.email}'")  # noqa: S608

    answer = client.post("/v1/auth/verify-email", json={"token": token, "password": ada.password})

    assert answer.json()["code"] == "invalid_code"


def test_registering_an_address_again_and_again_does_not_fill_its_mailbox(
    on_sqlite: Server,
) -> None:
    on_sqlite.settings = {"AUTH_RATE_LIMITS": "mail_account=3/3600 register=off"}
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        ada = User.registered(client)
        again = [client.post("/v1/auth/register", json=ada.credentials) for _ in range(5)]
        User.registered(client).mailed("Confirm your e-mail address")
        mails = client.get("/dev/mailbox", params={"to": ada.email}).json()["mails"]

    assert {answer.status_code for answer in again} == {201}, "it reveals the account"
    subjects = [mail["subject"] for mail in mails]
    assert subjects.count("You have an account already") == 2
