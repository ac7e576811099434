"""Users with a second factor."""

import time
from typing import Any, Self

import httpx
import pyotp
from users import User

_STEP_SECONDS = 30


class SecondFactorUser(User):
    """A user with an authenticator app.

    The codes belong to steps counted from the enrolment, not from the present. The service accepts
    the step before and after, so no test depends on its moment within a step.
    """

    secret: str = ""
    codes: tuple[str, ...] = ()
    step: int = 0

    @classmethod
    def enrolled(cls, client: httpx.Client) -> Self:
        user = cls.signed_in(client)
        user.enrol()
        return user

    def enrol(self) -> None:
        self.begin()
        answer = self.post("/v1/me/totp/confirm", code=self.code(0))
        assert answer.status_code == 200, answer.text
        self.codes = tuple(answer.json()["recovery_codes"])

    def begin(self) -> None:
        """Get a secret for the app from the service."""
        self.secret = self.post("/v1/me/totp").json()["secret"]
        self.step = int(time.time()) // _STEP_SECONDS

    def code(self, steps: int = 1) -> str:
        """Return the code of a step after the enrolment; step 0 confirmed the app."""
        return pyotp.TOTP(self.secret).at((self.step + steps) * _STEP_SECONDS)

    def wrong_code(self) -> str:
        near = {self.code(steps) for steps in range(-2, 10)}
        return next(code for code in map("{:06}".format, range(99)) if code not in near)

    def challenge(self) -> str:
        answer = self.client.post("/v1/auth/login", json=self.credentials)
        assert answer.status_code == 401, answer.text
        return str(answer.json()["challenge"])

    def answer(self, challenge: str, **proof: Any) -> httpx.Response:
        body = {"challenge": challenge, **proof}
        return self.client.post("/v1/auth/login/second-factor", json=body)

    def sign_in_with(self, **proof: Any) -> httpx.Response:
        answer = self.answer(self.challenge(), **proof)
        if answer.status_code == 200:
            self.tokens = answer.json()
        return answer
