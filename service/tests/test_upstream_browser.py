"""The pages with upstreams in a real Chromium."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import axe
import chromium
import httpx
import pytest
from running import Server
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from upstreams import running
from users import User

ISSUER = "https://github.com"
_UPSTREAM = {"id": "github", "name": "GitHub", "kind": "github", "issuer": ISSUER, "client_id": "a"}
_SETTINGS = {
    "AUTH_ISSUER": "http://localhost:{port}",
    "AUTH_UPSTREAMS": json.dumps([_UPSTREAM]),
    "AUTH_UPSTREAM_SECRETS": json.dumps({"github": "s3cret-of-ours"}),
}


@pytest.fixture(name="ours", scope="module")
def _ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    chromium.ensure()
    with running(tmp_path_factory.mktemp("ours"), _SETTINGS) as server:
        yield server


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_with_upstreams_break_no_rule_of_accessibility(
    ours: Server, tmp_path: Path, *, dark: bool
) -> None:
    with httpx.Client(base_url=ours.url) as client:
        user = User.signed_in(client)
        identity = user.id
    now = time.time()
    ours.execute(
        "INSERT INTO identities VALUES "  # noqa: S608
        f"('{ISSUER}', '{identity}', '{identity}', 'octocat@example.test', {now}, {now})"
    )
    with chromium.browser(dark=dark, size=(500, 900)) as chrome:
        chrome.get(f"http://localhost:{ours.port}/sign-in?next=/account/identities")
        button = chrome.find_element(By.LINK_TEXT, "Sign in with GitHub")
        assert button.size["height"] >= 44, "too small for a finger"
        assert axe.violations(chrome) == []
        chrome.save_screenshot(str(tmp_path / "sign-in.png"))
        _fill_in(chrome, user)
        assert axe.violations(chrome) == []
        chrome.save_screenshot(str(tmp_path / "identities.png"))


def _fill_in(chrome: Chrome, user: User) -> None:
    chrome.find_element(By.ID, "email").send_keys(user.email)
    chrome.find_element(By.ID, "password").send_keys(user.password)
    chrome.find_element(By.CSS_SELECTOR, "form button[type=submit]").click()
    WebDriverWait(chrome, 15).until(
        lambda page: page.title == "Other providers", "the page did not open"
    )
