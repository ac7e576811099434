"""A service that signs its users in with a second service of ours, and browsers that use both."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from applications import SECRET, Browser, hashed
from running import NO_TLS, Server, make_key
from users import User

# Where the upstream sends browsers back to; the tests bring them to the server's own port.
OURS = "http://localhost:8000"
CALLBACK = f"{OURS}/sign-in/with/staff/callback"
CLIENT: dict[str, Any] = {
    "client_id": "ours",
    "name": "Ours",
    "secret_sha256": hashed(SECRET),
    "first_party": True,
    "redirect_uris": [CALLBACK],
}
# An application of ours.
SHOP: dict[str, Any] = {
    "client_id": "shop",
    "name": "Shop",
    "secret_sha256": hashed(SECRET),
    "first_party": True,
    "redirect_uris": ["https://shop.example.test/"],
}


def trusting(issuer: str, **more: str) -> dict[str, str]:
    """Return the settings of a service with this upstream."""
    upstream = {"id": "staff", "name": "Staff", "issuer": issuer, "client_id": "ours"}
    return {
        "AUTH_ISSUER": OURS,
        "AUTH_CLIENTS": json.dumps([SHOP]),
        "AUTH_UPSTREAMS": json.dumps([upstream]),
        "AUTH_UPSTREAM_SECRETS": json.dumps({"staff": SECRET}),
        **more,
    }


@contextmanager
def running(folder: Path, settings: Mapping[str, str], **more: Any) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    server = Server(data=folder, key=make_key(), settings=settings, **more)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_upstream(folder: Path) -> Iterator[Server]:
    settings = {"AUTH_CLIENTS": json.dumps([CLIENT])}
    with running(folder, settings, issues_as_itself=True) as server:
        yield server


@dataclass
class Person:
    """A person with a browser, an account at the upstream, and maybe one with us."""

    ours: Server
    upstream: Server
    here: Browser = field(init=False)
    there: Browser = field(init=False)

    def __post_init__(self) -> None:
        # One browser; but cookies know no ports, and both servers are on the same host.
        self.here, self.there = Browser(self.ours.url), Browser(self.upstream.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.here.client.close()
        self.there.client.close()

    def takes_another_browser(self) -> None:
        """Go on with a browser that we do not know; the upstream still knows it."""
        self.here.client.close()
        self.here = Browser(self.ours.url)

    def registers_there(self, *, proven: bool = True, **values: Any) -> User:
        with httpx.Client(base_url=self.upstream.url, timeout=30, verify=NO_TLS) as client:
            user = User.registered(client, **values)
        if proven:
            # A mail of an earlier user of the address may be there, too.
            proof = f"UPDATE accounts SET email_verified_at = 1 WHERE email = '{user.email}'"  # noqa: S608
            self.upstream.execute(proof)
        self.there.sign_in(user)
        return user

    def begins(self, path: str = "/sign-in/with/staff") -> str:
        """Begin a sign-in here, and return the upstream's address."""
        answer = self.here.client.get(path)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    def comes_back(self, address: str) -> str:
        """Open the upstream's address, and return the path of the answer to us."""
        answer = self.there.open(address.removeprefix(self.upstream.url))
        return self.path(answer)

    def path(self, answer: httpx.Response) -> str:
        """Return the path of a redirect to us."""
        assert answer.is_redirect, answer.text
        parts = urlsplit(answer.headers["Location"])
        assert f"{parts.scheme}://{parts.netloc}" == OURS
        return f"{parts.path}?{parts.query}"

    def signs_in(self, path: str = "/sign-in/with/staff") -> httpx.Response:
        return self.here.open(self.comes_back(self.begins(path)))

    @property
    def email(self) -> str:
        """The address of the account that is signed in here."""
        text = self.here.open("/account").text
        return text.partition("signed in as <strong>")[2].partition("<")[0]

    def data(self) -> Any:
        """Return the download of the account's data."""
        page = self.here.open("/account/data")
        return self.here.submit(page, "/account/data/download").json()
