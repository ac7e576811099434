"""Accounts at the service of a clone's stack, as an application uses them."""

from collections.abc import Mapping

import httpx


def signs_in(url: str, account: Mapping[str, str]) -> None:
    """Log in with an account's e-mail address and password, and see that the token is its own."""
    login = httpx.post(f"{url}/v1/auth/login", json=account, timeout=30)
    assert login.status_code == httpx.codes.OK, login.text
    bearer = {"Authorization": f"Bearer {login.json()['access_token']}"}
    answer = httpx.get(f"{url}/v1/me", headers=bearer, timeout=30)
    assert answer.json()["email"] == account["email"]
