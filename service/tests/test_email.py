"""A mailed token proves an address, and mail goes to the configured server."""

import email
import ssl
import time
from collections.abc import Iterator

import httpx
import pytest
from certificates import certificate
from running import Server
from smtp import Post
from users import PASSWORD, User, token_in

VERIFY = "Confirm your e-mail address"
CHANGE = "Confirm your new e-mail address"


def verify(client: httpx.Client, token: str) -> httpx.Response:
    """Prove an address, with the password that the users of these tests registered with."""
    return client.post("/v1/auth/verify-email", json={"token": token, "password": PASSWORD})


def test_the_mailed_token_verifies_the_address_once(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    token = ada.token_mailed(VERIFY)

    assert ada.get("/v1/me").json()["email_verified"] is False
    assert verify(client, token).status_code == 204
    assert ada.get("/v1/me").json()["email_verified"] is True
    assert verify(client, token).json()["code"] == "invalid_code"


def test_where_it_is_required_nobody_signs_in_before(own_server: Server) -> None:
    own_server.settings = {"AUTH_REQUIRE_VERIFIED_EMAIL": "true"}
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.registered(client)
        before = client.post("/v1/auth/login", json=ada.credentials)
        guess = client.post("/v1/auth/login", json={**ada.credentials, "password": "a guess !"})
        verify(client, ada.token_mailed(VERIFY))

        assert before.status_code == 403
        assert before.json()["code"] == "email_not_verified"
        assert guess.json()["code"] == "invalid_credentials", "it reveals the account"
        assert ada.can_sign_in()


def test_a_changed_address_counts_once_it_is_proven(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    new = f"new-{ada.email}"

    asked = client.patch("/v1/me", headers=ada.bearer, json={"email": new})
    token = ada.token_mailed(CHANGE, to=new)
    assert asked.json()["email"] == ada.email

    assert verify(client, token).status_code == 204
    assert ada.get("/v1/me").json()["email"] == new
    assert ada.mailed("Your e-mail address was changed")
    assert not ada.can_sign_in()
    ada.email = new
    assert ada.can_sign_in()


def test_a_stranger_with_the_mail_to_a_new_address_does_not_get_the_account(
    client: httpx.Client,
) -> None:
    ada = User.signed_in(client)
    mistyped = f"new-{ada.email}"
    client.patch("/v1/me", headers=ada.bearer, json={"email": mistyped})
    token = ada.token_mailed(CHANGE, to=mistyped)
    guess = {"token": token, "password": "a stranger's guess"}
    eve = User.signed_in(client)

    alone = client.post("/v1/auth/verify-email", json={"token": token})
    guessed = client.post("/v1/auth/verify-email", json=guess)
    signed_in = client.post("/v1/auth/verify-email", json={"token": token}, headers=eve.bearer)

    assert alone.json()["code"] == signed_in.json()["code"] == "password_required"
    assert guessed.json()["code"] == "invalid_credentials"
    assert ada.get("/v1/me").json()["email"] == ada.email
    own = client.post("/v1/auth/verify-email", json={"token": token}, headers=ada.bearer)
    assert own.status_code == 204


def test_an_address_that_somebody_took_meanwhile_is_not_taken_over(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    new = f"new-{ada.email}"
    client.patch("/v1/me", headers=ada.bearer, json={"email": new})
    token = ada.token_mailed(CHANGE, to=new)
    grace = User(client, new)
    client.post("/v1/auth/register", json=grace.credentials)

    assert verify(client, token).status_code == 409
    assert grace.can_sign_in()
    assert ada.get("/v1/me").json()["email"] == ada.email


def test_a_link_to_the_address_before_does_nothing_after_a_change(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    old, new = ada.email, f"new-{ada.email}"
    client.post("/v1/auth/password/forgot", json={"email": old})
    stolen = ada.token_mailed("Set a new password")
    client.patch("/v1/me", headers=ada.bearer, json={"email": new})
    verify(client, ada.token_mailed(CHANGE, to=new))

    answer = client.post(
        "/v1/auth/password/reset", json={"token": stolen, "password": "a thief's password"}
    )

    assert answer.status_code == 400


@pytest.fixture(name="post", scope="module")
def _post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    post = Post(certificate(tmp_path_factory.mktemp("smtp")))
    yield post
    post.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_is_sent_encrypted_and_signed_in(on_sqlite: Server, post: Post, security: str) -> None:
    on_sqlite.settings = {
        "AUTH_SMTP_HOST": "localhost",
        "AUTH_SMTP_PORT": str(post.port(security)),
        "AUTH_SMTP_SECURITY": security,
        "AUTH_SMTP_USERNAME": post.username,
        "AUTH_SMTP_PASSWORD_FILE": str(post.password_file),
        "AUTH_MAIL_FROM": "Auth <auth@example.test>",
        "SSL_CERT_FILE": str(post.certificate),
    }
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        ada = User.registered(client)
        message = email.message_from_bytes(post.received(ada.email))
        text = message.get_payload(decode=True)
        assert isinstance(text, bytes)

        assert message["Subject"] == VERIFY
        assert message["From"] == "Auth <auth@example.test>"
        assert verify(client, token_in(text.decode())).status_code == 204
        assert client.get("/dev/mailbox").json() == {"mails": []}


def test_a_server_with_an_untrusted_certificate_gets_no_password(
    on_sqlite: Server, post: Post
) -> None:
    on_sqlite.settings = {
        "AUTH_SMTP_HOST": "localhost",
        "AUTH_SMTP_PORT": str(post.port("starttls")),
        "AUTH_SMTP_USERNAME": post.username,
        "AUTH_SMTP_PASSWORD_FILE": str(post.password_file),
    }
    logins_before = post.logins
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        User.registered(client)
    deadline = time.monotonic() + 10
    while "SSLCertVerificationError" not in on_sqlite.log and time.monotonic() < deadline:
        time.sleep(0.02)
    assert on_sqlite.process is not None
    on_sqlite.process.kill()  # a graceful end would wait for the next attempts to send

    assert post.logins == logins_before
    assert "SSLCertVerificationError" in on_sqlite.log


def test_in_production_there_is_no_mailbox(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_ENVIRONMENT": "production"}
    on_sqlite.start()

    assert httpx.get(f"{on_sqlite.url}/dev/mailbox").status_code == 404
    assert httpx.get(f"{on_sqlite.url}/dev/mails").status_code == 404
    assert "/dev/mailbox" not in httpx.get(f"{on_sqlite.url}/openapi.json").json()["paths"]


def test_the_certificate_of_the_tests_is_valid(post: Post) -> None:
    """Guard the tests above: the certificate's signer is not trusted, and its file is good."""
    assert ssl.create_default_context(cafile=post.certificate).get_ca_certs()
