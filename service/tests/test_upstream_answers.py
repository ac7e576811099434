"""The answers of an upstream that are believed, and those that are not."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from applications import SECRET, Browser, Flow, claims_of
from auth.thread_pool import Pool
from auth.upstreams import openid
from auth.upstreams.configuration import Upstream
from auth.upstreams.providers import Attempt
from joserfc.jwk import ECKey, OctKey, RSAKey
from openid_providers import OpenIdProvider
from running import Server
from upstreams import CALLBACK, OURS, running, trusting

_FAILED = "Staff gave no usable answer."
_CALLBACK = CALLBACK.removeprefix(OURS)
# Each process collects the tests in another second: no id may show it.
_NOW = int(time.time())


@pytest.fixture(name="provider", scope="module")
def _provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider().running() as provider:
        yield provider


@pytest.fixture(name="ours", scope="module")
def _ours(provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a service that trusts the provider, and has read its metadata and keys."""
    folder = tmp_path_factory.mktemp("ours")
    with running(folder, trusting(provider.issuer)) as server:
        with Browser(server.url) as browser:
            assert "You are signed in as" in _sign_in(browser, provider).text
        yield server


@pytest.fixture(name="browser")
def _browser(ours: Server, provider: OpenIdProvider) -> Iterator[Browser]:
    with Browser(ours.url) as browser:
        yield browser
    fresh = OpenIdProvider(key=provider.key, port=provider.port)
    for name in ("claims", "metadata", "userinfo", "algorithm", "published", "kid", "padding"):
        setattr(provider, name, getattr(fresh, name))


def _sign_in(browser: Browser, provider: OpenIdProvider, **changes: str) -> httpx.Response:
    address = browser.client.get("/sign-in/with/staff").headers["Location"]
    answer = provider.sends_back(address, **changes)
    return browser.open(f"{_CALLBACK}?{urlencode(answer)}")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["ours", "another"]},
        {"aud": None},
        {"aud": "ours", "azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 1},
        pytest.param({"exp": _NOW - 3600}, id="exp an hour ago"),
        {"exp": None},
        {"exp": "tomorrow"},
        pytest.param({"iat": _NOW - 3600}, id="iat an hour ago"),
        pytest.param({"iat": _NOW + 3600}, id="iat in an hour"),
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
    ],
    ids=str,
)
def test_an_id_token_for_something_else_signs_nobody_in(
    browser: Browser, provider: OpenIdProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    assert _FAILED in _sign_in(browser, provider).text
    assert not browser.is_signed_in


@pytest.mark.parametrize("claims", [{"aud": ["ours"]}, {"azp": "ours"}], ids=str)
def test_other_forms_of_a_right_id_token_sign_in(
    browser: Browser, provider: OpenIdProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    assert "You are signed in as" in _sign_in(browser, provider).text


def test_an_id_token_without_a_signature_signs_nobody_in(
    browser: Browser, provider: OpenIdProvider
) -> None:
    provider.algorithm = "none"

    assert _FAILED in _sign_in(browser, provider).text


@pytest.mark.parametrize(
    "key",
    [SECRET.encode(), b"a public key, used as a secret by mistake"],
    ids=["the secret of the client", "a public key"],
)
def test_an_id_token_with_a_shared_secret_signs_nobody_in(
    browser: Browser, provider: OpenIdProvider, key: bytes
) -> None:
    right, provider.algorithm = provider.key, "HS256"
    provider.key, provider.published = OctKey.import_key(key), [right]  # type: ignore[list-item]

    text = _sign_in(browser, provider).text
    provider.key = right

    assert _FAILED in text


def test_an_id_token_of_an_unknown_key_signs_nobody_in(
    browser: Browser, provider: OpenIdProvider
) -> None:
    right = provider.key
    provider.key, provider.published = ECKey.generate_key("P-256"), [right]  # type: ignore[list-item]

    text = _sign_in(browser, provider).text
    provider.key = right

    assert _FAILED in text


def test_without_a_time_at_the_upstream_the_sign_in_is_never_recent(
    browser: Browser, provider: OpenIdProvider
) -> None:
    _sign_in(browser, provider)
    assert browser.is_signed_in
    flow = Flow("shop", "https://shop.example.test/", "openid")

    assert "<h1>Sign in</h1>" in browser.open("/account/second-factor").text
    assert "<h1>Sign in" in browser.open(flow.path(max_age="86400")).text
    tokens = flow.tokens(browser.client, browser)
    assert "auth_time" not in claims_of(browser.client, tokens["id_token"])


def test_keys_are_kept_and_not_read_at_once_for_another_key(tmp_path_factory: Any) -> None:
    with OpenIdProvider(key=RSAKey.generate_key(2048), algorithm="RS256").running() as provider:
        folder = tmp_path_factory.mktemp("keys")
        with running(folder, trusting(provider.issuer)) as ours, Browser(ours.url) as browser:
            for _ in range(3):
                assert "You are signed in as" in _sign_in(browser, provider).text
            assert provider.asked.count("/jwks") == 1
            assert provider.asked.count("/.well-known/openid-configuration") == 1

            provider.kid = "second"
            for _ in range(3):
                # Strangers' tokens must not make us ask for each: the keys are a minute old first.
                assert _FAILED in _sign_in(browser, provider).text
            assert provider.asked.count("/jwks") == 1


def test_keys_that_are_a_minute_old_are_read_again_for_a_new_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openid, "_PAUSE_SECONDS", 0)
    attempt = Attempt(
        state="state", nonce="nonce", verifier="v" * 43, redirect_uri=CALLBACK, is_fresh=False
    )
    pool = Pool(1, places=4, name="upstream")

    async def signs_in(ours: openid.OpenIdProvider, provider: OpenIdProvider) -> str:
        answer = provider.sends_back(await ours.address(attempt))
        return (await ours.user(attempt, answer["code"])).subject

    async def signs_in_with_each_key(provider: OpenIdProvider) -> list[str]:
        entry = {"id": "staff", "name": "Staff", "issuer": provider.issuer, "client_id": "ours"}
        upstream = Upstream.model_validate(entry, context=True)
        ours = openid.OpenIdProvider(upstream, SECRET, pool)
        subjects = [await signs_in(ours, provider), await signs_in(ours, provider)]
        provider.key, provider.kid = ECKey.generate_key("P-256"), "second"
        return [*subjects, await signs_in(ours, provider)]

    with OpenIdProvider().running() as provider:
        try:
            assert asyncio.run(signs_in_with_each_key(provider)) == ["user-1"] * 3
        finally:
            pool.close()
        assert provider.asked.count("/jwks") == 2


@pytest.mark.parametrize(
    ("sent", "stored"), [("Ada Lovelace", "Ada Lovelace"), ("A" * 200, "A" * 128), ("A\x00b", "")]
)
def test_a_name_of_the_upstream_is_stored_as_ours_may_be(
    browser: Browser, provider: OpenIdProvider, sent: str, stored: str
) -> None:
    subject = str(uuid.uuid4())
    provider.claims = {"sub": subject, "email": f"{subject}@example.test", "name": sent}

    _sign_in(browser, provider)

    assert f'name="name" type="text" value="{stored}"' in browser.open("/account/profile").text


def test_the_code_is_traded_with_the_secret_and_the_verifier(
    browser: Browser, provider: OpenIdProvider
) -> None:
    _sign_in(browser, provider)

    assert provider.form["redirect_uri"] == CALLBACK
    assert len(provider.form["code_verifier"]) == 43
    assert provider.authorization == f"Basic {httpx.BasicAuth('ours', SECRET)._auth_header[6:]}"
    assert "client_secret" not in provider.form


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_only_an_address_that_the_upstream_calls_verified_counts(
    browser: Browser, provider: OpenIdProvider, verified: object
) -> None:
    provider.claims = {"sub": "another", "email": "ada@example.test", "email_verified": verified}

    assert "has no confirmed e-mail address" in _sign_in(browser, provider).text


@pytest.mark.parametrize(
    "email",
    [
        "no address",
        "a@b",
        "ada@example.test\nBcc: b@c.test",
        "=?utf-8?q?b=40c.test?=@example.test",
        f"ada@{'example.' * 40}test",
    ],
)
def test_an_address_that_no_account_may_have_does_not_count(
    browser: Browser, provider: OpenIdProvider, email: str
) -> None:
    provider.claims = {"sub": "another", "email": email}

    assert "has no confirmed e-mail address" in _sign_in(browser, provider).text


def test_userinfo_about_another_user_signs_nobody_in(
    browser: Browser, provider: OpenIdProvider
) -> None:
    provider.claims = {"email": None}
    provider.userinfo = {"sub": "another", "email": "ada@example.test", "email_verified": True}

    assert _FAILED in _sign_in(browser, provider).text


def test_an_answer_that_is_too_long_signs_nobody_in(
    browser: Browser, provider: OpenIdProvider
) -> None:
    provider.padding = 1_000_000

    assert _FAILED in _sign_in(browser, provider).text


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://example.test/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "http://169.254.169.254/latest"},
    ],
    ids=str,
)
def test_metadata_that_leads_elsewhere_is_refused(metadata: dict[str, Any], tmp_path: Any) -> None:
    with OpenIdProvider(metadata=metadata).running() as provider:
        settings = trusting(provider.issuer)
        with running(tmp_path, settings) as ours, Browser(ours.url) as browser:
            assert _FAILED in browser.open("/sign-in/with/staff").text
