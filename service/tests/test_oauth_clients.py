"""Registration of clients by configuration: the refusals and their messages."""

import json
from pathlib import Path
from typing import Any

import pytest
from applications import REGISTERED, SECRET, hashed
from auth.clients import registration
from auth.clients.clients import Client, ClientsError
from auth.settings import Settings, SettingsError
from running import ISSUER

GOOD = REGISTERED[0]
HUNTER = "hunter2"


def read(**changes: Any) -> Client:
    entry = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return registration.read(json.dumps([entry])).every()[0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"client_id": "first-party"}, "[0].client_id: is reserved"),
        ({"client_id": "0123456789abcdef" * 2}, "[0].client_id: is reserved"),
        ({"client_id": f"{HUNTER} "}, "[0].client_id"),
        ({"client_id": None}, "[0].client_id: Field required"),
        ({"name": ""}, "[0].name"),
        ({"redirect_uri": [HUNTER]}, "[0].redirect_uri: Extra inputs"),
        ({"redirect_uris": []}, "redirect_uris: the grant type authorization_code needs a URI"),
        ({"redirect_uris": HUNTER}, "[0].redirect_uris: Input should be a valid array"),
        ({"redirect_uris": [f"http://{HUNTER}.test/cb"]}, "[0].redirect_uris: must be https"),
        ({"redirect_uris": [f"https://{HUNTER}.test/*"]}, "[0].redirect_uris: must have no"),
        ({"redirect_uris": [f"https://{HUNTER}.test/#x"]}, "[0].redirect_uris: must have no"),
        ({"redirect_uris": [f"https://a:{HUNTER}@b.test/"]}, "[0].redirect_uris: must have no"),
        ({"redirect_uris": [f"javascript:{HUNTER}"]}, "[0].redirect_uris: must be https, or a"),
        ({"redirect_uris": [f"https://{HUNTER}:x/"]}, "[0].redirect_uris: holds an invalid URI"),
        ({"redirect_uris": [f"https://{HUNTER}\\@b.test/"]}, "holds an invalid URI"),
        ({"grant_types": ["password"]}, "[0].grant_types[0]: Input should be"),
        ({"grant_types": ["refresh_token"]}, "grant_types: refresh_token comes after"),
        ({"scopes": ["a b"]}, "[0].scopes[0]"),
        ({"scopes": [f"{number:060}" for number in range(5)]}, "[0].scopes: must not be longer"),
        ({"secret_sha256": HUNTER}, "[0].secret_sha256"),
        ({"secret_sha256": None}, "needs either `public`: true, or a secret"),
        ({"public": True}, "needs either `public`: true, or a secret"),
        ({"public": True, "secret_sha256": None, "pkce": False}, "pkce: a public client needs"),
        ({"public": "yes"}, "[0].public: Input should be a valid boolean"),
        ({"secret_file": f"/nowhere/{HUNTER}"}, "[0].secret_file can't be read"),
    ],
    ids=str,
)
def test_an_invalid_client_is_named_by_its_key_and_not_shown(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientsError) as caught:
        read(**changes)

    assert named in str(caught.value)
    assert HUNTER not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[1]", '{"client_id": "a"}', "null", "[[]]"])
def test_an_invalid_list_of_clients_ends_the_start_with_the_variables_name(
    key: str, text: str
) -> None:
    environment = {"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, "AUTH_CLIENTS": text}

    with pytest.raises(SettingsError, match="AUTH_CLIENTS"):
        Settings.from_environment(environment)


def test_the_same_id_twice_is_refused() -> None:
    with pytest.raises(ClientsError, match=r"\[1\].client_id occurs twice"):
        registration.read(json.dumps([GOOD, GOOD]))


def test_clients_are_read_from_a_file_and_their_secrets_from_another(
    key: str, tmp_path: Path
) -> None:
    secret, file = tmp_path / "secret", tmp_path / "clients.json"
    secret.write_text(f"{SECRET}\n")
    entry = {**GOOD, "secret_file": str(secret)}
    del entry["secret_sha256"]
    file.write_text(json.dumps([entry]))

    settings = Settings.from_environment(
        {"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, "AUTH_CLIENTS_FILE": str(file)}
    )

    client = settings.clients.find("app")
    assert client is not None
    assert client.knows(SECRET)
    assert not client.knows(f"{SECRET}\n")
    assert SECRET not in repr(settings)


def test_a_short_secret_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(HUNTER)

    with pytest.raises(ClientsError, match=r"\[0\].secret_file has fewer than 32"):
        read(secret_sha256=None, secret_file=str(tmp_path / "secret"))


def test_each_of_two_secrets_is_right_so_that_either_can_be_replaced() -> None:
    client = read(secret_sha256=[hashed("the old secret"), hashed("the new secret")])

    assert client.knows("the old secret")
    assert client.knows("the new secret")
    assert not client.knows("")


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:65535/callback", True),
        ("http://[::1]:5000/callback", True),
        ("http://127.0.0.1:65536/callback", False),
        ("http://127.0.0.1:/callback", True),
        ("http://127.0.0.2:5000/callback", False),
        ("http://127.0.0.1:5000/callback?x", False),
        ("http://127.0.0.1:5000/callback#", False),
        ("http://user@127.0.0.1:5000/callback", False),
        ("http://127.0.0.1:5000:1/callback", False),
        ("http://[::1:5000/callback", False),
        ("http://127.0.0.1:5000\\@evil.test/callback", False),
    ],
)
def test_only_the_port_may_differ_and_only_on_loopback(asked: str, *, allowed: bool) -> None:
    client = read(
        public=True,
        secret_sha256=None,
        redirect_uris=["http://127.0.0.1/callback", "http://[::1]/callback"],
    )

    assert client.redirects_to(asked) is allowed


def test_a_confidential_client_is_held_to_its_port() -> None:
    client = read(redirect_uris=["http://127.0.0.1:8000/callback"])

    assert client.redirects_to("http://127.0.0.1:8000/callback")
    assert not client.redirects_to("http://127.0.0.1:8001/callback")


@pytest.mark.parametrize(
    ("domain", "accepted"),
    [
        ("example.test", True),
        ("auth.example.test", True),
        ("other.test", False),
        ("test", False),
        ("xample.test", False),
    ],
)
def test_the_cookie_is_shared_only_within_a_domain_of_the_issuer(
    key: str, domain: str, *, accepted: bool
) -> None:
    environment = {"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, "AUTH_COOKIE_DOMAIN": domain}

    if accepted:
        assert Settings.from_environment(environment).cookie_domain == domain
    else:
        with pytest.raises(SettingsError, match="AUTH_COOKIE_DOMAIN"):
            Settings.from_environment(environment)
