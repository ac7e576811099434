"""Node's openid-client takes each step by the discovery document alone, as its own manual shows."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import packages
import pytest
from applications import CALLBACK, SECRET, Browser, hashed, parameter, sent_form
from joserfc.jwk import ECKey
from running import Server
from stepping import SteppedClient, stepped
from users import User

KEY = ECKey.generate_key("P-256", {"kid": "of the bank", "use": "sig", "alg": "ES256"})
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN = "initial-access-token-of-the-tests"
REGISTERED: list[dict[str, Any]] = [
    {
        "client_id": "shop",
        "name": "Shop",
        "first_party": True,
        "secret_sha256": hashed(SECRET),
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [CALLBACK],
    },
    {
        "client_id": "bank",
        "name": "Bank",
        "first_party": True,
        "jwks": {"keys": [KEY.as_dict(private=False)]},
        "redirect_uris": [CALLBACK],
        "require_pushed_authorization_requests": True,
        "dpop_bound_access_tokens": True,
    },
    {
        "client_id": "signer",
        "name": "Signer",
        "first_party": True,
        "jwks": {"keys": [KEY.as_dict(private=False)]},
        "redirect_uris": [CALLBACK],
    },
    {"client_id": "tv", "name": "Television", "public": True, "grant_types": [DEVICE]},
    {
        "client_id": "robot",
        "name": "Robot",
        "secret_sha256": hashed(SECRET),
        "grant_types": ["client_credentials"],
        "scopes": ["orders:read"],
    },
]


@pytest.fixture(scope="module", name="provider")
def _provider(tmp_path_factory: pytest.TempPathFactory, key: str) -> Iterator[Server]:
    """Yield a server at its own issuer."""
    settings = {"AUTH_CLIENTS": json.dumps(REGISTERED), "AUTH_REGISTRATION_TOKEN": TOKEN}
    folder = tmp_path_factory.mktemp("data")
    server = Server(data=folder, key=key, settings=settings, issues_as_itself=True)
    server.start()
    yield server
    server.stop()


@dataclass
class Steps:
    """The openid-client, with a browser whose user is signed in."""

    server: Server
    folder: Path
    environment: dict[str, str]
    browser: Browser
    user: User = field(init=False)

    def __post_init__(self) -> None:
        self.user = User.signed_in(self.browser.client)
        self.browser.sign_in(self.user)

    def run(self, flow: str, client_id: str, scope: str = "openid email") -> dict[str, Any]:
        """Run a flow up to its result; the user agrees to everything."""
        settings = {
            "issuer": self.server.url,
            "client_id": client_id,
            "secret": SECRET,
            "jwk": KEY.as_dict(private=True),
            "redirect_uri": CALLBACK,
            "scope": scope,
            "initial_access_token": TOKEN,
        }
        command = ("node", "openid_client.mjs", flow)
        with stepped(*command, folder=self.folder, environment=self.environment) as client:
            asked = client.tell(**settings)
            return self._answered(client, asked["open"]) if "open" in asked else asked

    def _answered(self, client: SteppedClient, url: str) -> dict[str, Any]:
        answer = self.browser.open(url.removeprefix(self.server.url))
        if "user_code" in url:
            answer = self.browser.submit(answer, user_code=parameter(url, "user_code"))
        if 'name="decision"' in answer.text:
            answer = self.browser.submit(answer, decision="allow")
        if answer.is_redirect:
            return client.tell(location=answer.headers["Location"])
        if "data-submit" in answer.text:
            return client.tell(form=sent_form(answer)[1])
        return client.tell()


@pytest.fixture(name="steps")
def _steps(provider: Server, tmp_path: Path) -> Iterator[Steps]:
    environment = packages.for_node(tmp_path)
    shutil.copy(Path(__file__).parent / "clients" / "openid_client.mjs", tmp_path)
    with Browser(provider.url) as browser:
        yield Steps(provider, tmp_path, environment, browser)


def test_it_signs_in_refreshes_asks_about_a_token_and_revokes_it(steps: Steps) -> None:
    result = steps.run("session", "shop")

    assert result["user"]["email"] == steps.user.email
    assert result["active"] == [True, False]


def test_it_signs_its_user_out(steps: Steps) -> None:
    url = steps.run("logout", "shop")["url"]

    answer = steps.browser.open(url.removeprefix(steps.server.url))

    assert answer.headers["Location"] == CALLBACK
    assert not steps.browser.is_signed_in


def test_it_takes_its_answer_as_a_form(steps: Steps) -> None:
    assert steps.run("form", "shop")["sub"] == steps.user.id


def test_it_reads_a_signed_introspection(steps: Steps) -> None:
    result = steps.run("signedIntrospection", "shop")

    assert (result["active"], result["sub"]) == (True, steps.user.id)


def test_it_pushes_its_request_and_proves_its_keys_in_place_of_secrets(steps: Steps) -> None:
    """The FAPI 2.0 Security Profile: private_key_jwt, pushed requests, DPoP."""
    result = steps.run("keysInPlaceOfSecrets", "bank")

    assert result["user"]["email"] == steps.user.email
    assert result["type"] == "dpop"
    assert result["stolen"] == 401


def test_it_signs_its_request(steps: Steps) -> None:
    assert steps.run("signedRequest", "signer")["sub"] == steps.user.id


def test_it_signs_a_device_in(steps: Steps) -> None:
    assert steps.run("device", "tv")["sub"] == steps.user.id


def test_it_registers_itself(steps: Steps) -> None:
    result = steps.run("registration", "")

    assert result["sub"] == steps.user.id
    assert result["client_id"] not in {client["client_id"] for client in REGISTERED}


def test_it_gets_a_token_of_its_own(steps: Steps) -> None:
    result = steps.run("clientCredentials", "robot", scope="orders:read")

    assert (result["token_type"], result["scope"]) == ("bearer", "orders:read")
