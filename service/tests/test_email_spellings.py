"""An address is one account in each of its spellings, and a mistyped address is refused."""

import uuid

import httpx
import pytest
from auth import email_addresses
from hypothesis import given
from hypothesis import strategies as st
from running import Server
from users import PASSWORD, User

UNICODE, ASCII = "bücher.example.test", "xn--bcher-kva.example.test"


@pytest.mark.parametrize(
    ("local", "one", "other"),
    [
        ("ada", UNICODE, ASCII),
        ("ada", ASCII, "BÜCHER.example.test"),
        ("ada", UNICODE, "bu\u0308cher.example.test"),
    ],
)
def test_each_spelling_of_a_domain_is_the_same_account(
    client: httpx.Client, local: str, one: str, other: str
) -> None:
    local = f"{local}-{uuid.uuid4().hex}"
    ada = User(client, f"{local}@{one}")
    client.post("/v1/auth/register", json=ada.credentials)

    assert User(client, f"{local}@{other}").can_sign_in()

    thief = User(client, f"{local}@{other}", "a thief's own password")
    client.post("/v1/auth/register", json=thief.credentials)
    assert not thief.can_sign_in(), "it is a second account"
    assert ada.mailed("You have an account already", to=f"{local}@{ASCII}")


def test_a_local_part_is_the_same_in_both_normal_forms(client: httpx.Client) -> None:
    name = uuid.uuid4().hex
    client.post(
        "/v1/auth/register",
        json={"email": f"jos\u00e9-{name}@example.test", "password": PASSWORD},
    )

    assert User(client, f"jose\u0301-{name}@example.test").can_sign_in()


@pytest.mark.parametrize("stored", [f"ada@{ASCII}", "ada@bu\u0308cher.example.test"])
def test_an_account_of_an_earlier_release_is_found_in_each_spelling(
    own_server: Server, stored: str
) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        before = User.registered(client)
        own_server.execute(
            f"UPDATE accounts SET email = '{stored}' WHERE email = '{before.email}'"  # noqa: S608
        )
        ada = User(client, f"ada@{UNICODE}")

        assert ada.can_sign_in()
        assert User(client, stored).can_sign_in()
        again = User(client, f"ada@{UNICODE}", "another password")
        client.post("/v1/auth/register", json=again.credentials)
        assert not again.can_sign_in(), "it is a second account"


@pytest.mark.parametrize(
    "email",
    ["ada@example.test.", "ada@example..test", "a..b@example.test", ".a@example.test", "a@-b.test"],
)
def test_a_mistyped_address_is_refused(client: httpx.Client, email: str) -> None:
    answer = client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"


def test_an_account_that_an_earlier_release_accepted_signs_in(
    own_server: Server,
) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.registered(client)
        own_server.execute(
            f"UPDATE accounts SET email = 'a..b@example.test' WHERE email = '{ada.email}'"  # noqa: S608
        )

        assert User(client, "a..b@example.test").can_sign_in()


@given(text=st.text(max_size=80))
def test_a_normalized_text_stays_as_it_is(text: str) -> None:
    once = email_addresses.normalized(text)

    assert email_addresses.normalized(once) == once
