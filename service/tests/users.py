"""Users of the service."""

import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

PASSWORD = "correct horse battery staple"
_MAIL_SECONDS = 10


@dataclass
class User:
    """A user with an account; `tokens` are from the last sign-in."""

    client: httpx.Client
    email: str = field(default_factory=lambda: f"{uuid.uuid4().hex}@example.test")
    password: str = PASSWORD
    tokens: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def registered(cls, client: httpx.Client, **values: Any) -> Self:
        user = cls(client, **values)
        answer = client.post("/v1/auth/register", json=user.credentials)
        assert answer.status_code == 201, answer.text
        return user

    @classmethod
    def signed_in(cls, client: httpx.Client) -> Self:
        user = cls.registered(client)
        user.sign_in()
        return user

    @property
    def credentials(self) -> dict[str, str]:
        return {"email": self.email, "password": self.password}

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    @property
    def session(self) -> str:
        """The id of the current session."""
        sessions = self.get("/v1/me/sessions").json()["sessions"]
        return str(next(session["id"] for session in sessions if session["current"]))

    def sign_in(self) -> dict[str, Any]:
        answer = self.client.post("/v1/auth/login", json=self.credentials)
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        return self.tokens

    @property
    def id(self) -> str:
        return str(self.get("/v1/me").json()["id"])

    def prove_address(self) -> None:
        token = self.token_mailed("Confirm your e-mail address")
        body = {"token": token, "password": self.password}
        answer = self.client.post("/v1/auth/verify-email", json=body)
        assert answer.status_code == 204, answer.text

    def can_sign_in(self) -> bool:
        return self.client.post("/v1/auth/login", json=self.credentials).status_code == 200

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path, headers=self.bearer)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, headers=self.bearer, json=body or None)

    def refresh(self, token: str | None = None) -> httpx.Response:
        body = {"refresh_token": token or self.tokens["refresh_token"]}
        return self.client.post("/v1/auth/refresh", json=body)

    def mailed(self, subject: str, *, to: str = "") -> str:
        """Wait for the last mail with this subject, and return its text."""
        deadline, subjects = time.monotonic() + _MAIL_SECONDS, []
        while time.monotonic() < deadline:
            mails = self.client.get("/dev/mailbox", params={"to": to or self.email}).json()["mails"]
            subjects = [mail["subject"] for mail in mails]
            if subject in subjects:
                return str(mails[subjects.index(subject)]["text"])
            time.sleep(0.02)
        raise AssertionError(f"no mail about {subject!r} came, only {subjects}")

    def token_mailed(self, subject: str, *, to: str = "") -> str:
        return token_in(self.mailed(subject, to=to))


def token_in(text: str) -> str:
    """Return the action token of the link in a mail."""
    match = re.search(r"\?token=(\S+)", text)
    assert match, f"no link in {text}"
    return match[1]
